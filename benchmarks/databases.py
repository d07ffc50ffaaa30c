"""Measure what isolation costs on each database: `python benchmarks/databases.py`.

Writes databases.json and databases.md into benchmarks/results. Takes some three minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))  # the tests' own servers

from pages import in_cell, write  # noqa: E402
from tools import mariadb, servers  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DEADLINE = 300.0
_OFF = ("sqla", "randomly", "xdist", "timeout", "anyio", "hypothesispytest", "rerunfailures")
_PACKAGES = ("psycopg", "aiosqlite", "aiomysql")
_TABLES = "20"
_WARM = 10
"""Tests at the start of each process that do not count."""

_TEXT = """\
# What isolation costs on each database

Goal: compare the same test with the plugin and without it, on each database.

Fixed: the server, the application (20 tables), the driver, the test, which writes to three tables,
commits, and reads one row back. Varies: the plugin isolates the tests (`rollback`); or it is
switched off, and what they write stays. In turns, each in a process of its own: {turns} turns of
{tests} tests.

| database | isolated, ms | not isolated, ms | difference, ms |
|---|--:|--:|--:|
{rows}

Median (lower to upper quartile) of {number} tests each, of the whole test: its set-up, the test
itself with its commit, and its teardown. The difference is that of the medians. The first {warm}
tests of each process do not count: they open the connection, and make the tables. The servers of
PostgreSQL and MariaDB do not wait for the disk; a commit that is not isolated costs more where one
does. SQLite does, if the file is not in memory.

Machine: {machine}.
Versions: {versions}.
"""


@dataclass(frozen=True)
class Entrant:
    """A database with a driver, and where it is.

    Attributes:
        title: Its name in the table.
        scheme: The beginning of its URL.
        place: A context that makes an empty database and gives the rest of its URL.
        server: What `ONELOOP_SERVER` is to be; empty for no server.
    """

    title: str
    scheme: str
    place: Callable[[], Iterator[str]]
    server: str


def run(
    folder: Path, entrant: Entrant, place: str | None, *, first: int, tests: int
) -> list[float]:
    """Run so many tests in one process; return the seconds that each took that counts.

    Args:
        folder: Of the project.
        entrant: What to run it on.
        place: Where tests go that are not isolated; `None` if the plugin isolates them.
        first: The number of the first test.
        tests: How many.
    """
    times = folder / "times.json"
    nowhere = "me:no@database.invalid/none" if entrant.server else "/nowhere.db"
    own = {
        "APP_DATABASE_URL": f"{entrant.scheme}://{place or nowhere}",
        "BENCHMARK_FIRST": str(first),
        "BENCHMARK_TABLES": _TABLES,
        "BENCHMARK_TESTS": str(tests),
        "BENCHMARK_TIMES": str(times),
        "ONELOOP_SERVER": entrant.server,
        "PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
    }
    with_plugin = ("--oneloop-strategy=rollback", "-o", "oneloop_schema=app:Base.metadata")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "timing", "-p", "no:cacheprovider"),
            *(f"-pno:{name}" for name in _OFF),
            *(with_plugin if place is None else ("-p", "no:oneloop")),
        ],
        cwd=folder,
        env={name: value for name, value in {**os.environ, **own}.items() if value},
        capture_output=True,
        text=True,
        timeout=_DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    seconds: list[float] = json.loads(times.read_text())
    return seconds[_WARM:]


def make_tables(folder: Path, url: str) -> None:
    """Make the tables where nothing else does."""
    code = (
        "import asyncio, app\n"
        "async def main():\n"
        "    async with app.engine.begin() as connection:\n"
        "        await connection.run_sync(app.Base.metadata.create_all)\n"
        "    await app.engine.dispose()\n"
        "asyncio.run(main())\n"
    )
    environment = {**os.environ, "APP_DATABASE_URL": url, "BENCHMARK_TABLES": _TABLES}
    command = [sys.executable, "-c", code]
    subprocess.run(command, cwd=folder, env=environment, timeout=_DEADLINE, check=True)


def compare(folder: Path, entrant: Entrant, *, turns: int, tests: int) -> dict[str, list[float]]:
    """Run both ways in turn; the one that begins changes."""
    measured: dict[str, list[float]] = {"isolated": [], "not isolated": []}
    with contextmanager(entrant.place)() as place:
        make_tables(folder, f"{entrant.scheme}://{place}")
        for turn in range(turns):
            for way in sorted(measured, reverse=bool(turn % 2)):
                goes = None if way == "isolated" else place
                took = run(folder, entrant, goes, first=turn * tests, tests=tests)
                measured[way] += took
                print(f"{entrant.title:<24} {way:<13} {1000 * statistics.median(took):7.2f} ms")
    return measured


def entrants(stack: ExitStack) -> list[Entrant]:
    """Start the servers, and return what takes part."""
    postgresql = stack.enter_context(servers.running_server())
    mysql = stack.enter_context(mariadb.running_mariadb())

    def on_postgresql() -> Iterator[str]:
        with servers.fresh_database(postgresql, "benchmark") as address:
            yield servers.database_url(address, "x").removeprefix("x://")

    def on_mariadb() -> Iterator[str]:
        with mariadb.fresh_database(mysql, "benchmark") as server:
            yield server.url("x").removeprefix("x://")

    def in_a_file() -> Iterator[str]:
        with tempfile.TemporaryDirectory(prefix="oneloop-benchmark-") as folder:
            yield f"/{folder}/benchmark.db"

    named = servers.database_url(replace(postgresql, database="postgres"), "postgresql")
    return [
        Entrant("PostgreSQL, asyncpg", "postgresql+asyncpg", on_postgresql, named),
        Entrant("PostgreSQL, psycopg", "postgresql+psycopg", on_postgresql, named),
        Entrant("SQLite file, aiosqlite", "sqlite+aiosqlite", in_a_file, ""),
        Entrant("MariaDB, aiomysql", "mysql+aiomysql", on_mariadb, mysql.url("mysql")),
    ]


def rows(measured: dict[str, dict[str, list[float]]]) -> str:
    """Return the rows of the table."""
    lines = []
    for title, ways in measured.items():
        (isolated, one), (bare, other) = map(in_cell, (ways["isolated"], ways["not isolated"]))
        lines.append(f"| {title} | {one} | {other} | {isolated - bare:+.2f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--turns", type=int, default=6, help="of each way (%(default)s)")
    parser.add_argument("--tests", type=int, default=110, help="in each turn (%(default)s)")
    parser.add_argument("--output", type=Path, default=HERE / "results")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="oneloop-"))) / "p"
        shutil.copytree(HERE / "everywhere", folder)
        shutil.copy(HERE / "service.py", folder / "app.py")
        shutil.copy(HERE / "timing.py", folder)
        measured = {
            one.title: compare(folder, one, turns=given.turns, tests=given.tests)
            for one in entrants(stack)
        }
    write(
        given.output,
        "databases",
        _TEXT,
        measured,
        packages=_PACKAGES,
        rows=rows(measured),
        turns=given.turns,
        tests=given.tests,
        number=given.turns * (given.tests - _WARM),
        warm=_WARM,
    )


if __name__ == "__main__":
    main()
