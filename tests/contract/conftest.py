"""A database with tables, and the sandbox before it, for every driver."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy.pool import NullPool, StaticPool

from tools.laboratory import DEFERRABLE, SCHEMA, Laboratory
from tools.servers import fresh_database
from tools.sqlite_laboratory import SCHEMA as SQLITE_SCHEMA
from tools.sqlite_laboratory import SqliteLaboratory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from pytest_oneloop.databases.address import ServerAddress

DRIVERS = ("asyncpg", "psycopg async", "psycopg", "psycopg2")
ASYNC_DRIVERS = DRIVERS[:2]
SQLITE_DRIVERS = ("aiosqlite", "pysqlite")
CAPABILITIES = {
    # PostgreSQL's.
    False: {"postgresql", "failing transactions"},
    # SQLite's.
    True: {"transactions in SQL"},
}
"""What a database can do that another cannot, in words that a test's mark `needs` names."""

PORTABLE = {
    "test_contract_frozen",
    "test_contract_loops",
    "test_contract_savepoint_text",
    "test_contract_tasks",
    "test_contract_transactions",
}
"""The modules whose SQL every database understands; the others need PostgreSQL."""

POOLS: dict[str, dict[str, Any]] = {
    "default": {},
    "NullPool": {"poolclass": NullPool},
    "StaticPool": {"poolclass": StaticPool},
    "one": {"pool_size": 1, "max_overflow": 0},
    "ping": {"pool_pre_ping": True},
}
_TABLES = ("item", "parent", "child", "thing", "other.elsewhere")


@pytest.fixture(scope="session")
def tables(tcp_server: ServerAddress) -> Iterator[ServerAddress]:
    """A database with empty tables."""
    with fresh_database(tcp_server, "contract") as address:
        Laboratory("psycopg", address, sandboxed=False).change(SCHEMA)
        yield address


@pytest.fixture
def untouched(tables: ServerAddress) -> Iterator[ServerAddress]:
    """The same; afterwards nothing may have been left in it, and nobody be connected."""
    yield tables
    lab = Laboratory("psycopg", tables, sandboxed=False)
    assert lab.connections_left() == 0
    for table in _TABLES:
        assert lab.look(f"SELECT * FROM {table}") == []


@pytest.fixture(params=[*DRIVERS, *SQLITE_DRIVERS])
def lab(request: pytest.FixtureRequest) -> Iterator[Laboratory]:
    with laboratory(request).open() as lab:
        yield lab


@pytest.fixture(params=[*ASYNC_DRIVERS, "aiosqlite"])
def async_lab(request: pytest.FixtureRequest) -> Iterator[Laboratory]:
    with laboratory(request).open() as lab:
        yield lab


def laboratory(request: pytest.FixtureRequest) -> Laboratory:
    if request.param in SQLITE_DRIVERS:
        return SqliteLaboratory(request.param, request.getfixturevalue("untouched_file"))
    return Laboratory(request.param, request.getfixturevalue("untouched"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what a driver's database cannot do: what a test's mark `needs` names."""
    items[:] = [item for item in items if not _needed(item) - _capabilities(item)]


def _needed(item: pytest.Item) -> set[str]:
    named = {name for mark in item.iter_markers("needs") for name in mark.args}
    return named if item.path.stem in PORTABLE else {*named, "postgresql"}


def _capabilities(item: pytest.Item) -> set[str]:
    parameters = getattr(item, "callspec", None) and item.callspec.params  # type: ignore[attr-defined]
    driver = (parameters or {}).get("lab") or (parameters or {}).get("async_lab")
    return CAPABILITIES[driver in SQLITE_DRIVERS]


@pytest.fixture
def untouched_file(tmp_path: Path) -> Iterator[Path]:
    """A file with empty tables; afterwards nothing may have been left in it."""
    path = tmp_path / "test.db"
    lab = SqliteLaboratory("pysqlite", path, sandboxed=False)
    lab.change(SQLITE_SCHEMA)
    yield path
    for table in ("item", "parent", "child", "counted"):
        assert lab.look(f"SELECT * FROM {table}") == []


@pytest.fixture(params=DRIVERS)
def deferring_lab(request: pytest.FixtureRequest, untouched: ServerAddress) -> Iterator[Laboratory]:
    with Laboratory(request.param, untouched, constraints=DEFERRABLE).open() as lab:
        yield lab


@pytest.fixture(params=DRIVERS)
def bare_lab(request: pytest.FixtureRequest, tables: ServerAddress) -> Iterator[Laboratory]:
    """The same without the sandbox. What leaks is removed afterwards."""
    lab = Laboratory(request.param, tables, sandboxed=False)
    yield lab
    lab.change(f"TRUNCATE {', '.join(_TABLES)}")


@pytest.fixture(params=list(POOLS))
def pool(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Arguments of `create_engine`."""
    return POOLS[request.param]
