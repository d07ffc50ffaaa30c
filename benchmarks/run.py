"""Compare this plugin with what people do without it: `python benchmarks/run.py`.

Writes results.json, table.md and chart.svg into benchmarks/results. Takes some five minutes.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import make_url

from pytest_oneloop.databases.address import ServerAddress

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))  # the tests' own server

from chart import chart  # noqa: E402
from contestants import CONTESTANTS, Contestant  # noqa: E402
from measure import Count, Measurement, measure, prepare  # noqa: E402
from results import Results, machine, versions  # noqa: E402

from tools.counting_proxy import CountingProxy  # noqa: E402
from tools.servers import conninfo, database_url, fresh_database, running_server  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--server",
        default=os.environ.get("ONELOOP_SERVER"),
        help="the PostgreSQL to use, as a URL; without it, one is started for the run",
    )
    parser.add_argument("--rounds", type=int, default=7, help="measured rounds (%(default)s)")
    parser.add_argument("--tests", type=int, default=300, help="tests per run (%(default)s)")
    parser.add_argument(
        "--only",
        default="".join(one.letter for one in CONTESTANTS),
        help="letters of those who take part (%(default)s)",
    )
    parser.add_argument("--output", type=Path, default=HERE / "results")
    return parser.parse_args()


@contextmanager
def server(url: str | None) -> Iterator[ServerAddress]:
    if url is None:
        with running_server() as address:
            yield address
        return
    parsed = make_url(url)
    yield ServerAddress(
        parsed.host or "127.0.0.1",
        parsed.port or 5432,
        parsed.username or "postgres",
        None if parsed.password is None else str(parsed.password),
        parsed.database or "postgres",
    )


def run_once(contestant: Contestant, project: Path, on: ServerAddress, tests: int) -> Measurement:
    """Measure one contestant on an empty database."""
    with fresh_database(on, "benchmark") as database:
        environment = contestant.environment(
            database_url(on, "postgresql"), database_url(database, "postgresql")
        )
        if contestant.plugin is not None:
            environment["BENCHMARK_PLUGIN"] = contestant.plugin
        return measure(project, environment, tests=tests)


def count(contestant: Contestant, project: Path, on: ServerAddress) -> Count:
    """Count what one test says to the server: a longer run less a shorter one."""
    few, many = 6, 36  # both have every third test
    traffic = []
    for tests in (few, many):
        with CountingProxy(on) as proxy:
            run_once(contestant, project, proxy.address, tests)
            traffic.append(proxy.since())
    short, long = traffic
    return Count(
        messages=(long.messages - short.messages) / (many - few),
        connections=(long.connections - short.connections) / (many - few),
    )


def compare(
    projects: dict[Contestant, Path], on: ServerAddress, *, rounds: int, tests: int
) -> dict[Contestant, list[Measurement]]:
    """Run all contestants in turn, round after round, each round in another order."""
    contestants = list(projects)
    measured: dict[Contestant, list[Measurement]] = {one: [] for one in contestants}
    for number in range(rounds + 1):
        shift = number % len(contestants)
        for one in contestants[shift:] + contestants[:shift]:
            measurement = run_once(one, projects[one], on, tests)
            # Round 0 fills the caches: byte code, and this plugin's template.
            if number:
                measured[one].append(measurement)
            print(
                f"round {number}  {one.title:<28} {measurement.per_test * 1000:7.2f} ms a test"
                f"  {measurement.whole:6.2f} s in all",
                flush=True,
            )
    return measured


def main() -> None:
    given = arguments()
    with ExitStack() as stack:
        on = stack.enter_context(server(given.server))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="oneloop-benchmark-"))
        projects = {
            one: prepare(one, Path(folder)) for one in CONTESTANTS if one.letter in given.only
        }
        with psycopg.connect(conninfo(on)) as connection:
            number = connection.info.server_version
        measured = compare(projects, on, rounds=given.rounds, tests=given.tests)
        counted = {one: count(one, project, on) for one, project in projects.items()}
    results = Results(
        tests=given.tests,
        rounds=given.rounds,
        machine=machine(),
        versions={"PostgreSQL": f"{number // 10000}.{number % 10000}", **versions()},
        measured=measured,
        counted=counted,
    )
    given.output.mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("results.json", results.json()),
        ("table.md", results.table()),
        ("chart.svg", chart(results)),
    ):
        (given.output / name).write_text(text)
    print(results.table())


if __name__ == "__main__":
    main()
