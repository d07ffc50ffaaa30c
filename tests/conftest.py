"""What every test may ask for. Its place also makes `tools` importable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools import mariadb as mariadb_tool
from tools.servers import fresh_database, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.databases.address import ServerAddress
    from tools.mariadb import MariaDB

pytest_plugins = ["pytester"]


@pytest.fixture(scope="session")
def tcp_server() -> Iterator[ServerAddress]:
    """A PostgreSQL on loopback with a password, started when the first test asks for it."""
    with running_server() as address:
        yield address


@pytest.fixture
def tcp_database(tcp_server: ServerAddress) -> Iterator[ServerAddress]:
    """An empty database of its own on `tcp_server`."""
    with fresh_database(tcp_server) as address:
        yield address


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """A MariaDB on loopback with a password, started when the first test asks for it."""
    if not mariadb_tool.wanted():
        pytest.skip(f"{mariadb_tool.VARIABLE}=none")
    with mariadb_tool.running_mariadb() as server:
        yield server


@pytest.fixture
def mariadb_database(mariadb: MariaDB) -> Iterator[MariaDB]:
    """An empty database of its own on `mariadb`."""
    with mariadb_tool.fresh_database(mariadb) as server:
        yield server
