"""How much later the first test runs because it has a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.start_up import measure_start_up

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]

WARM = 0.8
COLD = 3.0
"""Seconds more than without a database, on a machine that does nothing else."""


def test_the_first_test_comes_soon(tmp_path: Path) -> None:
    for attempt in (1, 2):
        took = measure_start_up(tmp_path / str(attempt), rounds=3)
        warm, cold = took.warm - took.without, took.cold - took.without
        print(  # noqa: T201 - figures for whoever runs it with -rP
            f"{took.without:.2f} s without a database, {warm:+.2f} s with a template that is "
            f"there, {cold:+.2f} s with nothing; everything took {took.crowding:.2f} times as long"
        )
        if warm < WARM * took.crowding and cold < COLD * took.crowding:
            return
    pytest.fail(f"{warm:.2f} s and {cold:.2f} s, on a machine {took.crowding:.2f} times too busy")
