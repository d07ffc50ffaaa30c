"""The databases that the suite is run on, and what SQLAlchemy wants to find there."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from tools.servers import conninfo, database_url, fresh_database, running_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Database:
    """One entry: a dialect with a driver.

    Attributes:
        name: Of both, as in a URL.
        url: Where the application points: nothing is there.
        setup: What must be in the database before, as SQLAlchemy's README.unittests has it.
        plain: Gives the URL of one without the plugin, with that in it; takes an empty folder.
    """

    name: str
    url: str
    setup: tuple[str, ...]
    plain: Callable[[Database, Path], AbstractContextManager[str]]


@contextmanager
def _plain_postgresql(database: Database, _folder: Path) -> Iterator[str]:
    with running_server() as server, fresh_database(server, "compliance") as address:
        with psycopg.connect(conninfo(address), autocommit=True) as connection:
            for statement in database.setup:
                connection.execute(statement.encode())
        yield database_url(address, database.name)


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
        Database(
            "postgresql+asyncpg",
            f"postgresql+asyncpg://{_NOWHERE}",
            _POSTGRESQL,
            _plain_postgresql,
        ),
        Database(
            "postgresql+psycopg",
            f"postgresql+psycopg://{_NOWHERE}",
            _POSTGRESQL,
            _plain_postgresql,
        ),
    )
}
