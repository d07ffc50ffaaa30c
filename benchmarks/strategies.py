"""Compare the strategies with one another: `python benchmarks/strategies.py`.

Writes strategies.json and strategies.md into benchmarks/results. Takes some two minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pages import in_cell, write

HERE = Path(__file__).parent
STRATEGIES = ("rollback", "commit", "clone")
_DEADLINE = 900.0
_OFF = ("sqla", "randomly", "xdist", "timeout", "anyio", "hypothesispytest", "rerunfailures")

_TEXT = """\
# What a strategy costs

Goal: compare the same test under each strategy, on an embedded PostgreSQL in memory.

Fixed: the server, 50 tables, the test, which writes to three of them and commits. Varies: the
strategy, in turns of {turn} tests each, in one run. Before a test on a clone is a pause of 80 ms
that is not counted, in which the next clone becomes ready.

| strategy | one test, ms | over rollback, ms |
|---|--:|--:|
{rows}

Median (lower to upper quartile) of {number} tests each, of the whole test: its set-up, the test
itself with its commit, and putting the database back. *Over rollback* is the difference of the
medians. Putting it back goes on while pytest reports the test, and the next one waits for the rest:
so the first {warm} tests of each turn do not count.

Machine: {machine}.
Versions: {versions}.
"""
_TURN = 25
_WARM = 5


def run(folder: Path, tests: int) -> list[float]:
    """Run so many tests in one process; return the seconds that each took."""
    project = folder / "project"
    shutil.copytree(HERE / "alternating", project)
    shutil.copy(HERE / "service.py", project / "app.py")
    shutil.copy(HERE / "timing.py", project)
    times = folder / "times.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "timing", "-p", "no:cacheprovider"),
            *(f"-pno:{name}" for name in _OFF),
        ],
        cwd=project,
        env={
            **os.environ,
            "APP_DATABASE_URL": "postgresql+asyncpg://nobody:wrong@database.invalid/none",
            "BENCHMARK_TABLES": "50",
            "BENCHMARK_TESTS": str(tests),
            "BENCHMARK_TURN": str(_TURN),
            "BENCHMARK_TIMES": str(times),
            "PYTHONPATH": f"{project}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        },
        capture_output=True,
        text=True,
        timeout=_DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    seconds: list[float] = json.loads(times.read_text())
    return seconds


def rows(measured: dict[str, list[float]]) -> str:
    """Return the rows of the table."""
    base, _ = in_cell(measured["rollback"])
    cells = {strategy: in_cell(took) for strategy, took in measured.items()}
    return "\n".join(
        f"| {strategy} | {cell} | {median - base:+.2f} |"
        for strategy, (median, cell) in cells.items()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--turns", type=int, default=10, help="of each strategy (%(default)s)")
    parser.add_argument("--output", type=Path, default=HERE / "results")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="oneloop-benchmark-") as folder:
        seconds = run(Path(folder), len(STRATEGIES) * given.turns * _TURN)
    measured: dict[str, list[float]] = {strategy: [] for strategy in STRATEGIES}
    for turn in range(given.turns * len(STRATEGIES)):
        counted = seconds[turn * _TURN + _WARM : (turn + 1) * _TURN]
        measured[STRATEGIES[turn % len(STRATEGIES)]] += counted
    write(
        given.output,
        "strategies",
        _TEXT,
        measured,
        rows=rows(measured),
        number=len(measured["rollback"]),
        turn=_TURN,
        warm=_WARM,
    )


if __name__ == "__main__":
    main()
