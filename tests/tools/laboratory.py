"""Engines of any driver in front of the sandbox, without pytest's part of the plugin."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from pytest_oneloop.databases.urls import connect_url
from pytest_oneloop.sandbox import greenlets
from pytest_oneloop.sandbox.ids import Restart
from pytest_oneloop.sandbox.outer import Constraints
from pytest_oneloop.sandbox.router import Router
from tools.servers import conninfo, database_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection, Dialect, Engine

    from pytest_oneloop.databases.address import ServerAddress
    from pytest_oneloop.sandbox.sandbox import Sandbox

T = TypeVar("T")

NOWHERE = "nobody:wrong@database.invalid/none"
"""Where the application's URL points: nothing may ever ask for it."""

SCHEMA = """
CREATE EXTENSION citext;
CREATE EXTENSION hstore;
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TABLE item (id int PRIMARY KEY, name text);
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (
    id int PRIMARY KEY,
    parent_id int CONSTRAINT child_parent REFERENCES parent DEFERRABLE INITIALLY DEFERRED,
    place int CONSTRAINT child_place UNIQUE DEFERRABLE INITIALLY IMMEDIATE
);
CREATE TABLE thing (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    data jsonb, pairs hstore, word citext, mood mood
);
CREATE SCHEMA other;
CREATE TABLE other.elsewhere (id int PRIMARY KEY);
"""

TABLES = ("item", "parent", "child", "thing", "other.elsewhere")

DEFERRABLE = Constraints(deferrable=True, initially_deferred=("public.child_parent",))


class Target:
    """The database, as the router wants to know it."""

    def __init__(self, address: ServerAddress, constraints: Constraints) -> None:
        self.key = "postgresql"
        self.address = address
        self.constraints = constraints
        self.ids = Restart()

    def connect_arguments(self, dialect: Dialect, given: dict[str, Any]) -> dict[str, Any]:
        del given
        url = connect_url(f"{dialect.name}+{dialect.driver}", self.address, self.address.database)
        return dict(dialect.create_connect_args(url)[1])


class Laboratory:
    """One driver, one database, the router before it or not.

    Args:
        driver: `asyncpg`, `psycopg async`, `psycopg` or `psycopg2`.
        address: The database.
        constraints: What the router is told of the schema.
        sandboxed: Whether there is a router. Without, engines go to the database as they are.
    """

    dialect = "postgresql"
    tables: tuple[str, ...] = TABLES
    lacks: frozenset[str] = frozenset()
    """What the server lacks, of what its kind of database has."""
    beside = "psycopg2"
    """A synchronous driver of the same database."""

    def __init__(
        self,
        driver: str,
        address: ServerAddress,
        *,
        constraints: Constraints = Constraints(),  # noqa: B008 - it is frozen
        sandboxed: bool = True,
        passthrough: frozenset[str] = frozenset(),
    ) -> None:
        self.name = driver
        self.driver, _, kind = driver.partition(" ")
        self.is_async = kind == "async" or self.driver == "asyncpg"
        self.address = address
        self.sandboxed = sandboxed
        self.provided = 0
        self.router = Router(self._provide, passthrough)
        self._target = Target(address, constraints)

    def _provide(self, dialect: str) -> Target:
        assert dialect == self._target.key
        self.provided += 1
        return self._target

    @contextmanager
    def open(self) -> Iterator[Laboratory]:
        """Lead all engines, while the block lasts."""
        if not self.sandboxed:
            yield self
            return
        self.router.listen()
        try:
            yield self
        finally:
            self.router.close()

    @property
    def url(self) -> str:
        """The application's URL."""
        return self.url_of(self.driver)

    def url_of(self, driver: str) -> str:
        """The application's URL, by another driver."""
        name = f"{self.dialect}+{driver}"
        return f"{name}://{NOWHERE}" if self.sandboxed else database_url(self.address, name)

    def engine(self, **options: Any) -> Engine:
        """Make an engine; an asynchronous one is to be used inside `run`."""
        if self.is_async:
            return self.async_engine(**options).sync_engine
        return create_engine(self.url, **options)

    def async_engine(self, **options: Any) -> AsyncEngine:
        return create_async_engine(self.url, **options)

    @contextmanager
    def test(self, name: str = "test_it", *, hosted: bool = False) -> Iterator[Sandbox]:
        """Run a test, while the block lasts. It ends with nothing to complain about."""
        if not self.sandboxed:
            yield self.router.sandbox
            return
        sandbox = self.router.begin(name, hosted=hosted)
        try:
            yield sandbox
        finally:
            sandbox.closing = True
            self.router.end()

    def run(self, body: Callable[..., T], *args: object) -> T:
        """Run a function that uses engines: for an asynchronous driver on a loop of its own."""
        if self.is_async:
            return asyncio.run(greenlets.run(body, *args))
        return body(*args)

    def check(self, body: Callable[..., T], **options: Any) -> T:
        """Run a function with an engine as one test that leaves no problem."""
        engine = self.engine(**options)
        with self.test() as sandbox:
            result: T = self.run(self._disposing, body, engine)
        assert sandbox.problems == []
        return result

    def _disposing(self, body: Callable[[Engine], T], engine: Engine) -> T:
        try:
            return body(engine)
        finally:
            if not self.sandboxed:
                engine.dispose()

    def look(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the database past the router."""
        with psycopg.connect(conninfo(self.address), autocommit=True) as connection:
            return connection.execute(sql.encode()).fetchall()

    def change(self, sql: str) -> None:
        """Change the database past the router."""
        with psycopg.connect(conninfo(self.address), autocommit=True) as connection:
            connection.execute(sql.encode())

    def asleep(self, seconds: float) -> str:
        """Return what a statement selects from to sleep so long, and then find one row."""
        return f"pg_sleep({seconds})"

    def end_session(self, connection: Connection) -> None:
        """End the session of a connection, and let that be met."""
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    def end_sessions(self) -> None:
        """End all sessions of the database on its server, and wait for that."""
        self.look(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    def rows_left(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return the rows of all tables that have some."""
        counts = [f"SELECT '{table}', count(*) FROM {table}" for table in self.tables]
        found = self.look(" UNION ALL ".join(counts))
        return {table: self.look(f"SELECT * FROM {table}") for table, number in found if number}

    def clear(self) -> None:
        """Remove all rows."""
        self.change(f"TRUNCATE {', '.join(self.tables)}")

    def connections_left(self, seconds: float = 10.0) -> int:
        """Wait until nobody else is connected; return how many still are.

        A server's processes end a moment after their clients.
        """
        question = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        deadline = time.monotonic() + seconds
        with psycopg.connect(conninfo(self.address), autocommit=True) as connection:
            while True:
                row = connection.execute(question).fetchone()
                assert row is not None
                if row[0] == 0 or time.monotonic() > deadline:
                    return int(row[0])
                time.sleep(0.01)
