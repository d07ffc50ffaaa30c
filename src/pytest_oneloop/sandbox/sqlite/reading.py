"""Cursors of SQLite that read their rows ahead, and the commits that wait for these rows.

SQLite steps through a statement as its rows are read, and until the last one the statement is in
progress: then no savepoint can be released if it is a change or a PRAGMA, and no function be made,
whoever asks. All connections of a test are one. So these rows, and those of listeners, are read
while nobody else uses that one, and kept for who asks for them. What a test only asks for is read
as it goes on.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar, Final
from weakref import WeakSet

from pytest_oneloop.sandbox import statements
from pytest_oneloop.sandbox.cursor import SandboxedCursor, StreamingCursor
from pytest_oneloop.sandbox.entries import Effect
from pytest_oneloop.sandbox.sqlite import texts
from pytest_oneloop.sandbox.sqlite.connection import SqliteConnection
from pytest_oneloop.sandbox.sqlite.cursor import SqliteCursor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.sandbox.connection import SandboxedConnection
    from pytest_oneloop.sandbox.homes import Home
    from pytest_oneloop.sandbox.link import Link

_ASKS: Final = statements.Query(Effect.READ)
_CHANGES: Final = statements.Query(Effect.WRITE)
_UNREAD: Final = "cannot commit transaction - SQL statements in progress"
"""SQLite's own words, for a commit that it refuses."""

_SLOTS: Final = ("__weakref__", "_count", "oneloop_changes", "oneloop_rows")
"""Each class has them itself: Python lets a class have one base with slots alone."""


class _Reading(SandboxedCursor):
    """A cursor that leaves no statement in progress, but a question of a test."""

    oneloop_rows: deque[Any]
    oneloop_changes: bool
    _count: int

    __slots__ = ()

    def __init__(self, connection: SandboxedConnection, cursor: Any) -> None:
        super().__init__(connection, cursor)
        self._forget()

    def _forget(self) -> None:
        self._keep(deque(), count=-1, changes=False)

    def _keep(self, rows: deque[Any], *, count: int, changes: bool) -> None:
        object.__setattr__(self, "oneloop_rows", rows)
        object.__setattr__(self, "oneloop_changes", changes)
        object.__setattr__(self, "_count", count)

    def execute(self, operation: Any, *args: Any, **kwargs: Any) -> Any:
        """Execute a statement; what the last one has left is gone."""
        __tracebackhide__ = True
        self._forget()
        return super().execute(operation, *args, **kwargs)

    def executemany(self, operation: Any, *args: Any) -> Any:
        """Execute a statement several times, likewise."""
        __tracebackhide__ = True
        self._forget()
        self.__getattr__("executemany")(operation, *args)
        return self

    def oneloop_run(self, operation: Any, *args: Any, **kwargs: Any) -> Any:
        """Execute on the real cursor, and read the rows that would stand in the way of others."""
        result = super().oneloop_run(operation, *args, **kwargs)
        connection: Any = self.oneloop_connection
        found = texts.read(operation)
        if self.oneloop_real.description is None or (connection.oneloop_in_test and found == _ASKS):
            return result
        count = self.oneloop_real.rowcount
        self._keep(deque(self._read()), count=count, changes=found == _CHANGES)
        connection.oneloop_cursors.add(self)
        return result

    def _read(self) -> list[Any]:
        rows: list[Any] = self.oneloop_real.fetchall()
        return rows

    @property
    def rowcount(self) -> int:
        """The number of rows that were changed, as soon as all that were returned are read."""
        return self._count if self.oneloop_rows else super().rowcount

    def fetchone(self) -> Any:
        """Return the next row, or `None`."""
        return self._next() if self.oneloop_rows else super().fetchone()

    def fetchmany(self, size: int | None = None) -> Any:
        """Return the next rows."""
        size = self.arraysize if size is None else size
        if not self.oneloop_rows:
            return super().fetchmany(size)
        left = len(self.oneloop_rows)
        return [self._next() for _ in range(min(size, left) if size > 0 else left)]

    def fetchall(self) -> Any:
        """Return the rows that are left."""
        if not self.oneloop_rows:
            return super().fetchall()
        return [self._next() for _ in range(len(self.oneloop_rows))]

    def _next(self) -> Any:
        return self.oneloop_rows.popleft()

    def close(self) -> None:
        """Close the cursor."""
        self._forget()
        super().close()


class ReadingCursor(_Reading, SqliteCursor):
    """Such a cursor of sqlite3."""

    __slots__ = _SLOTS

    def _read(self) -> list[Any]:
        factory = self.oneloop_real.row_factory
        self.oneloop_real.row_factory = None
        try:
            return super()._read()
        finally:
            self.oneloop_real.row_factory = factory

    def _next(self) -> Any:
        row, factory = super()._next(), self.oneloop_real.row_factory
        return row if factory is None else factory(self.oneloop_real, row)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self._next() if self.oneloop_rows else next(self.oneloop_real)


class ReadingStream(_Reading, StreamingCursor):
    """Such a cursor of aiosqlite, for `stream()`; all rows of others are read by SQLAlchemy."""

    __slots__ = _SLOTS


class ReadingConnection(SqliteConnection):
    """A connection with such cursors."""

    oneloop_stream: ClassVar[type[StreamingCursor]] = ReadingStream

    def __init__(self, link: Link, home: Home) -> None:
        super().__init__(link, home)
        self.oneloop_cursors: WeakSet[_Reading] = WeakSet()

    def commit(self) -> None:
        """Commit the virtual transaction.

        Raises:
            sqlite3.OperationalError: A change has rows that nobody has read, as SQLite has it.
        """
        __tracebackhide__ = True
        # No cursor may be a local variable here: the error's traceback would keep it alive.
        if self.in_transaction and any(
            cursor.oneloop_changes and cursor.oneloop_rows for cursor in self.oneloop_cursors
        ):
            raise sqlite3.OperationalError(_UNREAD)
        super().commit()

    def _forget(self) -> None:
        """End its use; nobody waits for what is left to read."""
        self.oneloop_cursors.clear()
        super()._forget()
