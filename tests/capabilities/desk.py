"""A database as a probe sees it: alike for asynchronous engines and for others."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sqlalchemy import Connection, Engine
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

Rows = list[list[Any]]


class Seat(Protocol):
    """One connection."""

    async def run(self, sql: str, **values: object) -> Rows:
        """Run a statement; return its rows, none if it has none."""

    async def stream(self, sql: str) -> Rows:
        """Run a query, whose rows are fetched two by two."""

    async def commit(self) -> None: ...

    async def rollback(self) -> None: ...

    async def level(self, name: str) -> None:
        """Choose the isolation level."""

    async def two_phase(self, *statements: str) -> None:
        """Run statements in a transaction that is prepared, and then committed."""

    async def forget(self) -> None:
        """Roll back what the driver may be in, past SQLAlchemy."""

    async def driver(self) -> Any:
        """Return the driver's own connection."""

    def nested(self) -> AbstractAsyncContextManager[object]:
        """Return a savepoint as a context."""


class Desk(Protocol):
    """A database, by one engine.

    Attributes:
        database: SQLAlchemy's name of it.
        drives: The driver's name.
    """

    database: str
    drives: str

    def seat(self) -> AbstractAsyncContextManager[Seat]:
        """Return a connection as a context."""

    async def together(self, work: Callable[[int], Awaitable[None]], number: int) -> None:
        """Do the same so many times at once: in tasks, or in threads."""


class _AsyncSeat:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.commit = connection.commit
        self.rollback = connection.rollback
        self.nested = connection.begin_nested

    async def run(self, sql: str, **values: object) -> Rows:
        result = await self._connection.execute(text(sql), values)
        return [list(row) for row in result] if result.returns_rows else []

    async def stream(self, sql: str) -> Rows:
        result = await self._connection.stream(text(sql), execution_options={"yield_per": 2})
        return [list(row) async for row in result]

    async def level(self, name: str) -> None:
        await self._connection.execution_options(isolation_level=name)

    async def two_phase(self, *statements: str) -> None:
        def work(connection: Connection) -> None:
            _two_phase(connection, statements)

        await self._connection.run_sync(work)

    async def forget(self) -> None:
        raw = await self._connection.get_raw_connection()
        await self._connection.run_sync(lambda _: raw.rollback())

    async def driver(self) -> Any:
        return (await self._connection.get_raw_connection()).driver_connection


class AsyncDesk:
    """The desk of an asynchronous engine."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.database = engine.dialect.name
        self.drives = engine.dialect.driver

    @asynccontextmanager
    async def seat(self) -> AsyncIterator[Seat]:
        async with self._engine.connect() as connection:
            yield _AsyncSeat(connection)

    async def together(self, work: Callable[[int], Awaitable[None]], number: int) -> None:
        await asyncio.gather(*(work(one) for one in range(number)))


class _SyncSeat:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def run(self, sql: str, **values: object) -> Rows:
        result = self._connection.execute(text(sql), values)
        return [list(row) for row in result] if result.returns_rows else []

    async def stream(self, sql: str) -> Rows:
        result = self._connection.execute(text(sql), execution_options={"yield_per": 2})
        return [list(row) for row in result]

    async def commit(self) -> None:
        self._connection.commit()

    async def rollback(self) -> None:
        self._connection.rollback()

    async def level(self, name: str) -> None:
        self._connection.execution_options(isolation_level=name)

    async def two_phase(self, *statements: str) -> None:
        _two_phase(self._connection, statements)

    async def forget(self) -> None:
        self._connection.connection.rollback()

    async def driver(self) -> Any:
        return self._connection.connection.driver_connection

    @asynccontextmanager
    async def nested(self) -> AsyncIterator[object]:
        with self._connection.begin_nested() as savepoint:
            yield savepoint


class SyncDesk:
    """The desk of an engine that is not asynchronous; nothing here ever waits."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.database = engine.dialect.name
        self.drives = engine.dialect.driver

    @asynccontextmanager
    async def seat(self) -> AsyncIterator[Seat]:
        with self._engine.connect() as connection:
            yield _SyncSeat(connection)

    async def together(self, work: Callable[[int], Awaitable[None]], number: int) -> None:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda one: finish(work(one)), range(number)))


def finish(work: Awaitable[Any]) -> Any:
    """Run what never waits, without an event loop."""
    steps = work.__await__()
    try:
        next(steps)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")


def _two_phase(connection: Connection, statements: tuple[str, ...]) -> None:
    with connection.begin_twophase() as transaction:
        for statement in statements:
            connection.execute(text(statement))
        transaction.prepare()
        transaction.commit()
