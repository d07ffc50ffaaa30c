"""aiosqlite: Python's sqlite3 in a thread of its own for each connection."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from pytest_oneloop.sandbox import greenlets
from pytest_oneloop.sandbox.sqlite import unfinished
from pytest_oneloop.sandbox.sqlite.driver import OnSqlite
from pytest_oneloop.sandbox.sqlite.reading import ReadingConnection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pytest_oneloop.sandbox.connection import SandboxedConnection
    from pytest_oneloop.sandbox.drivers import Driver

T = TypeVar("T")

_DEADLINE: Final = 10.0
"""Seconds for a connection to close, whatever it is doing."""

_FACTORIES: Final = frozenset({"row_factory", "text_factory"})
"""What code may set on the connection; how its transactions begin is not there for it."""


class Watched:
    """The driver's own connection, where it is noted what code of a test sets for good.

    Args:
        target: The connection.
        facade: What stands for it in the pool.
    """

    __slots__ = ("_facade", "_target")

    def __init__(self, target: Any, facade: ReadingConnection) -> None:
        self._target = target
        self._facade = facade

    @property  # type: ignore[misc]  # object's has a setter, which nothing here uses
    def __class__(self) -> Any:
        """Pass for the connection: libraries ask `isinstance`."""
        return self._target.__class__

    def __getattr__(self, name: str) -> Any:
        self._facade.oneloop_reach(name)
        return getattr(self._target, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FACTORIES:
            self._facade.oneloop_reach(name)
            setattr(self._target, name, value)
        else:
            super().__setattr__(name, value)

    async def backup(self, *args: Any, **kwargs: Any) -> None:
        """Refuse, in a test, what would wait for the end of the test's transaction."""
        __tracebackhide__ = True
        self._facade.oneloop_refuse_backup()
        await self._target.backup(*args, **kwargs)


class Outward(Watched):
    """The same, as code of a test gets it that awaits by itself: its transaction is virtual too."""

    __slots__ = ()

    async def commit(self) -> None:
        """Commit the virtual transaction."""
        await greenlets.run(self._facade.oneloop_end_raw, self._facade.commit)

    async def rollback(self) -> None:
        """Roll the virtual transaction back."""
        await greenlets.run(self._facade.oneloop_end_raw, self._facade.rollback)

    async def close(self) -> None:
        """Do nothing: the pool closes it."""


class AiosqliteConnection(ReadingConnection):
    """What SQLAlchemy's aiosqlite dialect reads and sets on a connection."""

    @property
    def _connection(self) -> Any:
        """What the dialect hands out as the driver's connection."""
        return self.driver_connection

    @property
    def driver_connection(self) -> Any:
        """The driver's own connection, inside the test's transaction."""
        return Outward(super().driver_connection, self)

    def run_async(self, function: Callable[[Any], Awaitable[T]]) -> T:
        """Run a coroutine of the application on the driver's connection."""
        return super().run_async(lambda connection: function(Watched(connection, self)))


class AiosqliteDriver(OnSqlite):
    """How to speak through aiosqlite."""

    facade: ClassVar[type[SandboxedConnection]] = AiosqliteConnection
    hands_out: ClassVar[bool] = True

    @property
    def _connection(self) -> Any:
        return self._real.driver_connection

    def script(self, sql: str) -> None:
        """Run commands, one after another; a change of thread for each."""

        async def run(connection: Any) -> None:
            for command in sql.split("; "):
                await connection.execute_fetchall(command)

        self._real.run_async(lambda connection: greenlets.unbroken(run(connection)))

    def close(self) -> None:
        """End what is unfinished, roll back, and close the connection, whatever fails before."""
        self._real.run_async(lambda connection: greenlets.unbroken(_close(connection)))

    def abandon(self) -> None:
        """Close it from another thread: its own may be asked from any loop.

        Raises:
            TimeoutError: It did not close in time.
        """
        connection = self._connection

        async def close() -> None:
            with suppress(ValueError):  # its own loop has closed it just now
                await _close(connection)

        thread = threading.Thread(
            target=asyncio.run, args=(close(),), name="pytest-oneloop close", daemon=True
        )
        thread.start()
        thread.join(_DEADLINE)
        if thread.is_alive():
            raise TimeoutError(thread.name)


async def _close(connection: Any) -> None:
    """Close a connection, and with it what was left half read on it."""
    await connection.interrupt()  # its thread may be busy
    try:
        cursor = await connection.cursor()
        unfinished.end_all(cursor.connection)
    finally:
        await connection.close()


DRIVER: type[Driver] = AiosqliteDriver
