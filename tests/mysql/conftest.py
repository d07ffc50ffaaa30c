"""A MySQL server, a database with tables on it, and the sandbox before that, for every driver."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.databases.mysql.restoration import Restoration
from pytest_oneloop.databases.mysql.server import parse_mysql_url
from pytest_oneloop.databases.mysql.workers import create
from tools.combinations import having
from tools.mariadb import fresh_database
from tools.mysql_laboratory import SCHEMA, TABLES, MySQLLaboratory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_oneloop.databases.mysql.server import MySQLAddress
    from tools.mariadb import MariaDB

DRIVERS = having("server", "control_by_text")


@pytest.fixture
def address(mariadb: MariaDB) -> MySQLAddress:
    return parse_mysql_url(mariadb.url("mysql"), source="a test")


@pytest.fixture(scope="session")
def mysql_tables(mariadb: MariaDB) -> Iterator[MariaDB]:
    """A database with empty tables."""
    with fresh_database(mariadb, "contract") as server:
        server.run(*SCHEMA)
        yield server


@pytest.fixture(params=DRIVERS)
def mysql_lab(request: pytest.FixtureRequest, mysql_tables: MariaDB) -> Iterator[MySQLLaboratory]:
    """The sandbox; afterwards nothing may have been left in the database, and nobody be there."""
    lab = MySQLLaboratory(request.param, mysql_tables)
    with lab.open():
        yield lab
    assert lab.connections_left() == 0
    for table in TABLES:
        assert lab.look(f"SELECT * FROM {table}") == []


@pytest.fixture(params=DRIVERS)
def leaking_lab(request: pytest.FixtureRequest, mysql_tables: MariaDB) -> Iterator[MySQLLaboratory]:
    """The same, for tests that get something past the sandbox; it is removed afterwards."""
    lab = MySQLLaboratory(request.param, mysql_tables)
    with lab.open():
        yield lab
    mysql_tables.run(*(f"DELETE FROM {table}" for table in TABLES))


@dataclass(frozen=True, slots=True)
class Worker:
    """A template, a copy of it as a worker has it, and what puts the copy back."""

    template: MariaDB
    database: MariaDB
    restoration: Restoration


@pytest.fixture
def worker(address: MySQLAddress, mariadb: MariaDB) -> Iterator[Callable[..., Worker]]:
    """Make a worker's database of a template with these statements; both are gone afterwards."""
    with ExitStack() as stack:

        def make(*statements: str) -> Worker:
            template = stack.enter_context(fresh_database(mariadb))
            template.run(*statements)
            name = f"oneloop_run_{secrets.token_hex(4)}_main"
            stack.callback(mariadb.run, f"DROP DATABASE IF EXISTS {name}")
            create(address, template.database, name)
            restoration = Restoration(address, name, template.database)
            stack.callback(restoration.close)
            return Worker(template, replace(mariadb, database=name), restoration)

        yield make
