"""Engines of SQLite's drivers in front of the sandbox, without pytest's part of the plugin."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.pool import AsyncAdaptedQueuePool

from pytest_oneloop.kinds.sqlite import File
from pytest_oneloop.sandbox.outer import Constraints
from pytest_oneloop.sandbox.router import Router
from tools.laboratory import Laboratory

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection, Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

SCHEMA = """
CREATE TABLE item (id integer PRIMARY KEY, name text);
CREATE TABLE parent (id integer PRIMARY KEY);
CREATE TABLE child (
    id integer PRIMARY KEY,
    parent_id integer REFERENCES parent DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE counted (id integer PRIMARY KEY AUTOINCREMENT, name text UNIQUE);
"""


TABLES = ("item", "parent", "child", "counted")


def keep_foreign_keys(connection: Any, _record: object) -> None:
    """Switch foreign keys on, as applications do in a listener of `connect`."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def begin_by_listeners(engine: Engine) -> None:
    """Control transactions as SQLAlchemy's documentation of the dialect tells to."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN")


class SqliteLaboratory(Laboratory):
    """One driver, one file, the router before it or not.

    Args:
        driver: `aiosqlite` or `pysqlite`.
        path: The file.
        sandboxed: Whether there is a router.
        place: What the application's URL names: nothing that exists, or nothing at all.
        prepared: Whether its engines have the listeners that SQLAlchemy's documentation advises.
    """

    dialect = "sqlite"
    tables = TABLES
    beside = "pysqlite"

    def __init__(
        self,
        driver: str,
        path: Path,
        *,
        sandboxed: bool = True,
        place: str = "/nowhere.db",
        prepared: bool = False,
    ) -> None:
        self.name = self.driver = driver
        self.is_async = driver == "aiosqlite"
        self.path = path
        self.sandboxed = sandboxed
        self.provided = 0
        self.place = place
        self.prepared = prepared
        self.file = File(path, Constraints(deferrable=True))
        self.router = Router(self._provide_file, frozenset())

    def _provide_file(self, dialect: str) -> File:
        assert dialect == "sqlite"
        self.provided += 1
        return self.file

    def url_of(self, driver: str) -> str:
        """The application's URL, by another driver."""
        return f"sqlite+{driver}://{self.place if self.sandboxed else f'/{self.path}'}"

    def async_engine(self, **options: Any) -> AsyncEngine:
        if "pool_size" in options:
            # What it has by itself for a file, but for the earlier releases of SQLAlchemy 2.0.
            options = {"poolclass": AsyncAdaptedQueuePool, **options}
        engine = super().async_engine(**options)
        self._prepare(engine.sync_engine)
        return engine

    def engine(self, **options: Any) -> Engine:
        """Make an engine; an asynchronous one is to be used inside `run`."""
        engine = super().engine(**options)
        if not self.is_async:
            self._prepare(engine)
        return engine

    def _prepare(self, engine: Engine) -> None:
        if self.prepared:
            begin_by_listeners(engine)
            event.listen(engine, "connect", keep_foreign_keys)

    def connections_left(self, seconds: float = 10.0) -> int:
        """There is nobody to count them."""
        del seconds
        return 0

    def look(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the database past the router."""
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(sql).fetchall()

    def clear(self) -> None:
        self.change("".join(f"DELETE FROM {table};" for table in self.tables))

    def change(self, sql: str) -> None:
        """Change the database past the router."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(sql)
