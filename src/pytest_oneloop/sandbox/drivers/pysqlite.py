"""Python's own sqlite3."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pytest_oneloop.sandbox.sqlite import unfinished
from pytest_oneloop.sandbox.sqlite.driver import OnSqlite
from pytest_oneloop.sandbox.sqlite.reading import ReadingConnection, ReadingCursor

if TYPE_CHECKING:
    from pytest_oneloop.sandbox.connection import SandboxedConnection
    from pytest_oneloop.sandbox.cursor import SandboxedCursor
    from pytest_oneloop.sandbox.drivers import Driver


class PysqliteConnection(ReadingConnection):
    """What SQLAlchemy's dialect of sqlite3, and applications, use on a connection."""

    oneloop_cursor: ClassVar[type[SandboxedCursor]] = ReadingCursor


class PysqliteDriver(OnSqlite):
    """How to speak through sqlite3, whose connections threads may share here."""

    facade: ClassVar[type[SandboxedConnection]] = PysqliteConnection
    hands_out: ClassVar[bool] = False

    def script(self, sql: str) -> None:
        """Run commands, one after another."""
        for command in sql.split("; "):
            self._real.execute(command).close()

    def close(self) -> None:
        """End what is unfinished, roll back, and close the connection, whatever fails before."""
        try:
            unfinished.end_all(self._real)
        finally:
            self._real.close()

    def abandon(self) -> None:
        """Break off what a thread may still run on it, and close it."""
        self.close()


DRIVER: type[Driver] = PysqliteDriver
