"""Two databases in one application, each with a template of its own: whole runs of pytest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.errors.addresses import SharedDatabaseWarning
from tools.servers import database_url, worker_databases
from tools.two_databases import COUNT, IDS, TESTS, two_databases

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_oneloop.databases.address import ServerAddress
    from tools.mariadb import MariaDB

pytestmark = pytest.mark.server

SQLITE = "sqlite+aiosqlite:///{}.db"
MYSQL = "mysql+aiomysql://me:wrong@database.invalid/{}"


def test_every_strategy_on_postgresql(tmp_path: Path, cache: Path) -> None:
    project = two_databases(tmp_path, TESTS + IDS, ONELOOP_CACHE_DIR=str(cache))

    done = project.run("-v", "-W", "error")

    assert done.counts == {"passed": COUNT + 6}, done.output
    # Tables of one name in two databases are two tables, so nothing had to be run again.
    assert "ran under" not in done.output
    assert "OL230" not in done.output
    assert "no engine has connected to" not in done.output
    lines = [line for line in done.output.splitlines() if line.startswith("oneloop: ")]
    shown = [re.sub(r"\d+\.\d+", "N", line) for line in lines]
    first, second = shown
    assert first.startswith("oneloop: PostgreSQL N embedded \u00b7 schema app:ShopBase \u00b7 ")
    assert second == "oneloop: stats on PostgreSQL N embedded \u00b7 schema app:StatsBase"


@pytest.mark.parametrize(
    ("url", "shown"),
    [("postgresql+asyncpg://db.invalid/{}", "db.invalid/{}"), (SQLITE, "./{}.db")],
    ids=["postgresql", "sqlite"],
)
def test_without_the_option_they_are_one_and_the_run_says_so(
    tmp_path: Path, cache: Path, url: str, shown: str
) -> None:
    shop, stats = url.format("shop"), url.format("stats")
    project = two_databases(tmp_path, shop=shop, stats=stats, ONELOOP_CACHE_DIR=str(cache))
    project.change("pytest.ini", "stats = app:StatsBase", "statistics = app:StatsBase")

    one = ("--tb=line", "--oneloop-strategy", "rollback", "-k", "own or twenty")
    misspelt = project.run("-v", *one)
    project.change("pytest.ini", "statistics = app:StatsBase", "")
    without = project.run(*one)

    addresses = [shown.format("stats"), shown.format("shop")]
    for done, unmet in ((misspelt, ["statistics"]), (without, [])):
        assert done.counts["failed"] == 3, done.output
        text = str(SharedDatabaseWarning(addresses=addresses, unmet=unmet))
        assert done.output.count(text) == 1, done.output
    assert "no engine has connected to statistics" in misspelt.output


@pytest.mark.parametrize(
    ("shop", "stats", "name"),
    [
        (SQLITE.format("shop"), SQLITE.format("stats"), "stats.db"),
        (SQLITE.format("shop"), "postgresql+asyncpg://db.invalid/stats", "stats"),
        ("postgresql+psycopg://db.invalid/shop", SQLITE.format("stats"), "stats.db"),
    ],
    ids=["sqlite", "sqlite and postgresql", "postgresql and sqlite"],
)
def test_other_kinds(tmp_path: Path, cache: Path, shop: str, stats: str, name: str) -> None:
    project = two_databases(
        tmp_path, TESTS + IDS, shop=shop, stats=stats, name=name, ONELOOP_CACHE_DIR=str(cache)
    )

    done = project.run("-W", "error")

    assert done.counts == {"passed": COUNT + 6}, done.output
    assert "ran under" not in done.output
    assert list(tmp_path.glob("*.db")) == []


def test_mysql(tmp_path: Path, cache: Path, mariadb: MariaDB) -> None:
    project = two_databases(
        tmp_path,
        shop=MYSQL.format("shop"),
        stats=MYSQL.format("stats"),
        ONELOOP_CACHE_DIR=str(cache),
        ONELOOP_SERVER=mariadb.url("mysql"),
    )

    done = project.run("-W", "error")

    assert done.counts == {"passed": COUNT}, done.output
    assert "ran under" not in done.output
    assert [name for name in mariadb.databases() if name.startswith("oneloop_run_")] == []


@pytest.mark.parametrize("named", [True, False], ids=["named", "embedded"])
def test_postgresql_and_mysql(
    tmp_path: Path, cache: Path, tcp_server: ServerAddress, mariadb: MariaDB, *, named: bool
) -> None:
    servers = [database_url(tcp_server, "postgresql")] if named else []
    project = two_databases(
        tmp_path,
        shop="postgresql+asyncpg://db.invalid/shop",
        stats=MYSQL.format("stats"),
        ONELOOP_CACHE_DIR=str(cache),
        ONELOOP_SERVER=" ".join([*servers, mariadb.url("mysql")]),
    )

    done = project.run("-W", "error", "-v")

    assert done.counts == {"passed": COUNT}, done.output
    assert "ran under" not in done.output
    where = f"at {tcp_server.host}:{tcp_server.port}" if named else "embedded"
    [used] = [line for line in done.output.splitlines() if "statements on" in line]
    assert re.search(r"M\w+ [\d.]+ at 127", used)
    assert re.search(rf"PostgreSQL [\d.]+ {where}", used)
    assert [name for name in mariadb.databases() if name.startswith("oneloop_run_")] == []
    assert worker_databases(tcp_server) == set()


def test_two_workers_on_a_server_of_one_s_own(
    tmp_path: Path, cache: Path, tcp_server: ServerAddress
) -> None:
    noting = """
@pytest.fixture(autouse=True)
async def noted(worker_id):
    from sqlalchemy import text
    for engine in (shop, stats):
        async with engine.connect() as connection:
            name = await connection.scalar(text("SELECT current_database()"))
            with open("databases", "a") as file:
                print(worker_id, name, file=file)
"""
    project = two_databases(tmp_path, noting + TESTS, ONELOOP_CACHE_DIR=str(cache))

    done = project.run(
        *("-n", "2", "--oneloop-strategy", "rollback", "-k", "own or twenty"),
        ONELOOP_SERVER=database_url(tcp_server, "postgresql"),
    )

    assert done.counts["passed"] == 3, done.output
    used = {line.split()[1] for line in (tmp_path / "databases").read_text().splitlines()}
    assert {re.sub(r"run_[0-9a-f]{32}", "run_ID", name) for name in used} == {
        f"oneloop_run_ID{which}_{worker}" for which in ("", "d1") for worker in ("gw0", "gw1")
    }
    assert worker_databases(tcp_server) == set()
