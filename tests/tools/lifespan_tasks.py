"""The tasks of the event loop in which a lifespan runs."""

from __future__ import annotations

import asyncio


def lifespan_tasks() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if "lifespan" in task.get_name()]
