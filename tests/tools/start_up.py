"""How long it takes from the start of pytest to the first test that has its database."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.projects import shop

if TYPE_CHECKING:
    from pathlib import Path

    from tools.projects import Project

_WITH = """
import time

from shop.main import app


async def test_first(client):
    assert (await client.get("/settings")).json()["shipping_cents"] == 490
    with open("reached", "w") as file:
        file.write(repr(time.monotonic()))
"""
_WITHOUT = """
import time

from shop.main import app


async def test_first():
    assert app.title == "Shop"
    with open("reached", "w") as file:
        file.write(repr(time.monotonic()))
"""
_WORK = """
import time

began, used = time.perf_counter(), time.process_time()
sum(number * number for number in range(1_500_000))
print((time.perf_counter() - began) / (time.process_time() - used))
"""


@dataclass(frozen=True)
class StartUp:
    """Medians, in seconds from the start of the process to the end of the first test.

    Attributes:
        without: A test that needs no database; the plugin is on, and the application imported.
        warm: The first request has been answered; the template was there from an earlier run.
        cold: The same, with an empty cache folder, so that the example's revisions were run.
        crowding: How much longer than its processor time a fixed piece of work took: 1.0 on a
            machine that does nothing else.
    """

    without: float
    warm: float
    cold: float
    crowding: float


def measure_start_up(folder: Path, *, rounds: int) -> StartUp:
    """Measure all three by turns, in copies of the example. Some 6 s for each round."""
    project = shop(folder / "shop")
    for own in (project.folder / "tests").glob("test_*.py"):
        own.unlink()
    project.write({"tests/test_with.py": _WITH, "tests/test_without.py": _WITHOUT})
    cache, empty = folder / "cache", folder / "empty"
    _reach(project, "tests/test_with.py", cache)
    figures: dict[str, list[float]] = {"without": [], "warm": [], "cold": [], "crowding": []}
    for _ in range(rounds):
        figures["without"].append(_reach(project, "tests/test_without.py", cache))
        figures["warm"].append(_reach(project, "tests/test_with.py", cache))
        figures["cold"].append(_reach(project, "tests/test_with.py", empty))
        figures["crowding"].append(_crowding())
        shutil.rmtree(empty)
    return StartUp(**{name: statistics.median(values) for name, values in figures.items()})


def _reach(project: Project, test: str, cache: Path) -> float:
    reached = project.folder / "reached"
    reached.unlink(missing_ok=True)
    started = time.monotonic()
    done = project.run(test, ONELOOP_CACHE_DIR=str(cache))
    assert done.counts == {"passed": 1}, done.output
    # The clock is the machine's, the same in every process.
    return float(reached.read_text()) - started


def _crowding() -> float:
    done = subprocess.run(
        [sys.executable, "-c", _WORK], check=True, capture_output=True, text=True, timeout=60
    )
    return float(done.stdout)
