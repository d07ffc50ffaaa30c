"""What is around a failure, as the diagnosis is told of it."""

from __future__ import annotations

from pathlib import Path

from pytest_oneloop.loops.advice import Around
from pytest_oneloop.loops.loopmap import Place

TEST = "test_a.py::test_a"
AROUND = Around(
    test=TEST,
    place=Place("test_a.py", 3),
    runner="asyncio",
    rootdir=Path("/project"),
    values={},
    fixtures={},
    asyncio_mode="auto",
)
