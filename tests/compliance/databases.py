"""The databases that the suite is run on, and what SQLAlchemy wants to find there."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from tools.mariadb import fresh_database as fresh_mariadb_database
from tools.mariadb import running_mariadb
from tools.servers import conninfo, database_url, fresh_database, running_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


@dataclass(frozen=True, slots=True)
class Sides:
    """Where the two runs of a comparison find their databases.

    Attributes:
        plain: The URL of a database without the plugin, with all in it that SQLAlchemy wants.
        settings: What the plugin is told besides, as lines of an ini file.
        beneath: The URL of a server where DDL ends transactions, for a driver that is let through.
        clear: Makes a second run possible on the same server.
    """

    plain: str
    settings: tuple[str, ...] = ()
    beneath: str = ""
    clear: Callable[[], object] = lambda: None


@dataclass(frozen=True, slots=True)
class Database:
    """One entry: a dialect with a driver.

    Attributes:
        name: Of both, as in a URL.
        url: Where the application points: nothing is there.
        setup: What the plugin's template is built of, as SQLAlchemy's README.unittests has it.
        sides: Provides for both runs.
    """

    name: str
    url: str
    setup: tuple[str, ...]
    sides: Callable[[Database], AbstractContextManager[Sides]]


@contextmanager
def _on_postgresql(database: Database) -> Iterator[Sides]:
    with running_server() as server, fresh_database(server, "compliance") as address:
        with psycopg.connect(conninfo(address), autocommit=True) as connection:
            for statement in database.setup:
                connection.execute(statement.encode())
        yield Sides(database_url(address, database.name))


@contextmanager
def _on_sqlite(database: Database) -> Iterator[Sides]:
    yield Sides(f"{database.name}:///plain.db")


@contextmanager
def _on_mysql(database: Database) -> Iterator[Sides]:
    """Two servers, for the suite wants databases of names that are its own, whatever the run."""
    let_through = f"{database.name.partition('+')[0]}+pymysql"
    with running_mariadb() as plain, running_mariadb() as sandboxed:
        for server in (plain, sandboxed):
            server.run(*_OTHERS)
        with fresh_mariadb_database(plain, "compliance") as own:
            yield Sides(
                own.url(database.name),
                (
                    f"oneloop_server = {sandboxed.url('mysql')}",
                    f"oneloop_passthrough = {let_through}",
                ),
                sandboxed.url(let_through),
                lambda: sandboxed.run(*_OTHERS),
            )


_OTHERS = tuple(f"CREATE OR REPLACE DATABASE {name}" for name in ("test_schema", "test_schema_2"))
_NOWHERE = "nobody:wrong@database.invalid/none"

_POSTGRESQL = (
    "CREATE SCHEMA test_schema",
    "CREATE SCHEMA test_schema_2",
    "CREATE EXTENSION hstore",
    "CREATE EXTENSION citext",
)

DATABASES = {
    database.name: database
    for database in (
        *(
            Database(name, f"{name}://{_NOWHERE}", _POSTGRESQL, _on_postgresql)
            for name in ("postgresql+asyncpg", "postgresql+psycopg")
        ),
        Database("sqlite+aiosqlite", "sqlite+aiosqlite:///nowhere.db", (), _on_sqlite),
        *(
            Database(name, f"{name}://{_NOWHERE}", (), _on_mysql)
            for name in ("mysql+aiomysql", "mysql+asyncmy", "mariadb+aiomysql")
        ),
    )
}
