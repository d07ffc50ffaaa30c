"""Run each program, and record what it saw; compare it, where the truth is known."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fidelity.catalogue import programs

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Program

TRUTH: dict[str, Any] | None = (
    json.loads(Path(os.environ["FIDELITY_TRUTH"]).read_text(encoding="utf-8"))
    if "FIDELITY_TRUTH" in os.environ
    else None
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    is_async = "async_engine" in metafunc.fixturenames
    wanted = [
        one
        for one in programs()
        if one.is_async == is_async and (TRUTH is None or one.name in TRUTH)
    ]
    metafunc.parametrize("program", wanted, ids=lambda one: one.name)


@pytest.fixture
def conclude(record_property: Callable[[str, object], None]) -> Callable[[Program, object], None]:
    """Record what a program saw, and compare it with the truth if that is known."""

    def conclude(program: Program, seen: object) -> None:
        record_property("seen", seen)
        if TRUTH is not None:
            assert json.loads(json.dumps(seen)) == TRUTH[program.name]

    return conclude


async def test_async(
    program: Program, async_engine: AsyncEngine, conclude: Callable[[Program, object], None]
) -> None:
    conclude(program, await program.body(async_engine))


def test_sync(
    program: Program, sync_engine: Engine, conclude: Callable[[Program, object], None]
) -> None:
    conclude(program, program.body(sync_engine))
