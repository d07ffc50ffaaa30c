"""A database with tables, and the sandbox before it, for every driver.

What a test needs of its database it names by a mark, `needs`, and is left out where that lacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy.pool import NullPool, StaticPool

from tools import mariadb as mariadb_tool
from tools import mysql_laboratory
from tools.combinations import CAPABILITIES, COMBINATIONS, having
from tools.counting_proxy import CountingProxy
from tools.laboratory import DEFERRABLE, SCHEMA, Laboratory
from tools.mysql_laboratory import MySQLLaboratory
from tools.servers import fresh_database
from tools.sqlite_laboratory import SCHEMA as SQLITE_SCHEMA
from tools.sqlite_laboratory import SqliteLaboratory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from pytest_oneloop.databases.address import ServerAddress
    from tools.mariadb import MariaDB

POOLS: dict[str, dict[str, Any]] = {
    "default": {},
    "NullPool": {"poolclass": NullPool},
    "StaticPool": {"poolclass": StaticPool},
    "one": {"pool_size": 1, "max_overflow": 0},
    "ping": {"pool_pre_ping": True},
}
_LABORATORIES = ("lab", "async_lab", "deferring_lab", "bare_lab", "driver")
"""The fixtures whose parameter is the name of a combination."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a driver's database cannot do: what a test's mark `needs` names."""
    left_out = [item for item in items if not _can_all(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def _can_all(item: pytest.Item) -> bool:
    needed = _needed(item)
    if unknown := needed - CAPABILITIES.keys() - COMBINATIONS.keys():
        pytest.fail(f"{item.nodeid} needs {unknown}, which nobody has heard of", pytrace=False)
    parameters = item.callspec.params if isinstance(item, pytest.Function) and needed else {}
    names = [str(parameters[one]) for one in _LABORATORIES if one in parameters]
    return all(COMBINATIONS[name].can.issuperset(needed) for name in names)


def _needed(item: pytest.Item) -> set[str]:
    return {name for mark in item.iter_markers("needs") for name in mark.args}


# -- databases with empty tables, in which nothing may be left ----------------------------------


@pytest.fixture(scope="session")
def tables(tcp_server: ServerAddress) -> Iterator[ServerAddress]:
    """A database of PostgreSQL with empty tables."""
    with fresh_database(tcp_server, "contract") as address:
        Laboratory("psycopg", address, sandboxed=False).change(SCHEMA)
        yield address


@pytest.fixture
def untouched(tables: ServerAddress) -> Iterator[ServerAddress]:
    """The same; afterwards nothing may have been left in it, and nobody be connected."""
    yield tables
    _look(Laboratory("psycopg", tables, sandboxed=False))


@pytest.fixture(scope="session")
def mysql_tables(mariadb: MariaDB) -> Iterator[MariaDB]:
    """A database of MariaDB with empty tables."""
    with mariadb_tool.fresh_database(mariadb, "contract") as server:
        server.run(*mysql_laboratory.SCHEMA)
        yield server


@pytest.fixture
def untouched_mysql(mysql_tables: MariaDB) -> Iterator[MariaDB]:
    """The same; afterwards nothing may have been left in it, and nobody be connected."""
    yield mysql_tables
    _look(MySQLLaboratory("pymysql", mysql_tables, sandboxed=False))


@pytest.fixture
def untouched_file(tmp_path: Path) -> Iterator[Path]:
    """A file of SQLite with empty tables; afterwards nothing may have been left in it."""
    path = tmp_path / "test.db"
    lab = SqliteLaboratory("pysqlite", path, sandboxed=False)
    lab.change(SQLITE_SCHEMA)
    yield path
    _look(lab)


def _look(lab: Laboratory) -> None:
    assert lab.connections_left() == 0
    assert lab.rows_left() == {}


# -- the sandbox before them -----------------------------------------------------------------------


@pytest.fixture(params=having())
def lab(request: pytest.FixtureRequest) -> Iterator[Laboratory]:
    with _laboratory(request).open() as lab:
        yield lab


@pytest.fixture(params=having("tasks"))
def async_lab(request: pytest.FixtureRequest) -> Iterator[Laboratory]:
    with _laboratory(request).open() as lab:
        yield lab


@pytest.fixture(params=having("deferrable_constraints"))
def deferring_lab(request: pytest.FixtureRequest) -> Iterator[Laboratory]:
    """The same, where the router knows of constraints that are checked at the commit."""
    lab: Laboratory
    if COMBINATIONS[request.param].database == "sqlite":
        file = request.getfixturevalue("untouched_file")
        lab = SqliteLaboratory(request.param, file, prepared=True)
    else:
        untouched = request.getfixturevalue("untouched")
        lab = Laboratory(request.param, untouched, constraints=DEFERRABLE)
    with lab.open():
        yield lab


@pytest.fixture(params=having())
def bare_lab(request: pytest.FixtureRequest) -> Iterator[Laboratory]:
    """The same without the sandbox. What leaks is removed afterwards."""
    lab = _laboratory(request, sandboxed=False)
    yield lab
    lab.clear()


def _laboratory(request: pytest.FixtureRequest, *, sandboxed: bool = True) -> Laboratory:
    name, get = str(request.param), request.getfixturevalue
    match COMBINATIONS[name].database:
        case "sqlite":
            file = get("untouched_file")
            return SqliteLaboratory(name, file, sandboxed=sandboxed, prepared=not sandboxed)
        case "mysql":
            server = get("untouched_mysql" if sandboxed else "mysql_tables")
            lab = MySQLLaboratory(name, server, sandboxed=sandboxed)
            if lacking := _needed(request.node) & lab.lacks:
                pytest.skip(f"MySQL has no {lacking}, MariaDB has")
            return lab
        case _:
            address = get("untouched" if sandboxed else "tables")
            return Laboratory(name, address, sandboxed=sandboxed)


@pytest.fixture(params=having("counted_messages"))
def driver(request: pytest.FixtureRequest) -> str:
    """The name of a driver whose messages `proxy` counts."""
    return str(request.param)


@pytest.fixture
def proxy(untouched: ServerAddress) -> Iterator[CountingProxy]:
    with CountingProxy(untouched) as proxy:
        yield proxy


@pytest.fixture(params=list(POOLS))
def pool(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Arguments of `create_engine`."""
    return POOLS[request.param]
