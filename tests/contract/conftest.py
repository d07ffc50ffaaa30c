"""A database with tables, and the sandbox before it, for every driver."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy.pool import NullPool, StaticPool

from tools.laboratory import DEFERRABLE, SCHEMA, Laboratory
from tools.servers import fresh_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from pytest_oneloop.databases.address import ServerAddress

DRIVERS = ("asyncpg", "psycopg async", "psycopg", "psycopg2")
ASYNC_DRIVERS = DRIVERS[:2]
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


@pytest.fixture(params=DRIVERS)
def lab(request: pytest.FixtureRequest, untouched: ServerAddress) -> Iterator[Laboratory]:
    with Laboratory(request.param, untouched).open() as lab:
        yield lab


@pytest.fixture(params=ASYNC_DRIVERS)
def async_lab(request: pytest.FixtureRequest, untouched: ServerAddress) -> Iterator[Laboratory]:
    with Laboratory(request.param, untouched).open() as lab:
        yield lab


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
