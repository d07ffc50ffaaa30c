"""What the drivers of SQLite have in common."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from pytest_oneloop.errors.sqlite import RolledBackError
from pytest_oneloop.sandbox.drivers import Ended
from pytest_oneloop.sandbox.sqlite import texts
from pytest_oneloop.sandbox.sqlite.attaching import attaching
from pytest_oneloop.sandbox.sqlite.attachments import Attachments, copy_of, fresh_copy_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_oneloop.sandbox.drivers import Driver

T = TypeVar("T")

_VIOLATED: Final = "FOREIGN KEY constraint failed"
"""SQLite's own words, for a commit that it refuses."""


class OnSqlite:
    """How to speak to a connection of SQLite, whatever its driver.

    The driver itself begins no transaction: it is in what it believes to be autocommit.

    Args:
        real: The connection, as SQLAlchemy's dialect made it.

    Attributes:
        soiled: A test has changed what no rollback puts back, so no other test may have it.
        pragmas: The settings that listeners have made on it, with their values.
        deferring: A transaction has deferred all foreign keys.
        functions: The functions that were made on it, by name and number of arguments.
        attachments: The files that listeners have attached to it.
    """

    raw_begins: ClassVar[bool] = True
    unwanted: ClassVar[frozenset[str]] = frozenset({"isolation_level", "autocommit"})
    unlock: ClassVar[str] = ""
    forget: ClassVar[str] = ""
    clean: ClassVar[str] = ""
    close_cursors: ClassVar[str] = ""
    reset: ClassVar[str] = ""
    poison: ClassVar[str] = ""
    defer: ClassVar[str] = ""
    ends_by_itself: ClassVar[bool] = True
    farewells: ClassVar[frozenset[int]] = frozenset()

    def __init__(self, real: Any) -> None:
        self._real = real
        self.soiled = False
        self.pragmas: dict[str, str] = {}
        self.deferring = False
        self.functions: dict[tuple[Any, ...], Callable[..., Any]] = {}
        self.attachments = Attachments()

    @property
    def _connection(self) -> Any:
        """The driver's own connection."""
        return self._real

    def begin(self) -> None:
        """Begin the test's transaction."""
        self.script("BEGIN")

    def end(self) -> None:
        """Roll back."""
        self.script("ROLLBACK")

    def script(self, sql: str) -> None:
        """Run commands, one after another: a script of the driver's would commit first."""
        raise NotImplementedError

    def failed_on_server(self, error: BaseException) -> bool:
        """Return `False`: a statement that fails is undone alone, and its transaction goes on."""
        del error
        return False

    def in_transaction(self) -> bool:
        """Whether there is a transaction."""
        inside: bool = self._connection.in_transaction
        return inside

    def is_closed(self) -> bool:
        """Whether the connection was closed."""
        try:
            self.in_transaction()
        except (sqlite3.ProgrammingError, ValueError):
            return True
        return False

    def backend(self) -> int:
        """Return a number that no other open connection of the process has."""
        return id(self._real)

    def end_other(self, other: Driver) -> None:
        """Close another connection; there is no server that could."""
        other.abandon()

    def abandon(self) -> None:
        """Close it, from whatever thread or loop."""
        raise NotImplementedError

    def rows(self, sql: str) -> list[Any]:
        """Return the rows of a query."""
        cursor = self._real.cursor()
        try:
            cursor.execute(sql)
            return list(cursor.fetchall())
        finally:
            cursor.close()

    def refusing_writes(self, send: Callable[[], T]) -> Callable[[], T]:
        """Return what runs a statement as if the file could only be read. Two statements more."""

        def refusing() -> T:
            self.script("PRAGMA query_only = ON")
            try:
                return send()
            finally:
                self.script("PRAGMA query_only = OFF")

        return refusing

    def attach(self, attach: texts.Attach, file: str) -> None:
        """Attach a copy of a file that the application names. Two statements.

        A database that is in memory has no folder for it, and the file itself is attached.
        """
        folder = self._folder()
        cursor = self._real.cursor()
        try:
            cursor.execute(*attach.sent(copy_of(file, folder) if folder else file))
        finally:
            cursor.close()

    def led(self, attach: texts.Attach, file: str) -> tuple[str, tuple[str]]:
        """Return what attaches a copy for a test, with its parameter. One statement."""
        folder = self._folder()
        return attach.sent(fresh_copy_of(file, folder) if folder else file)

    def _folder(self) -> Path | None:
        """Return where the database's file is; `None` if it is in memory. One statement."""
        main = next(file for _, name, file in self.rows("PRAGMA database_list") if name == "main")
        return Path(main).parent if main else None

    def check_deferred(self) -> None:
        """Look for rows whose foreign keys lead nowhere, if the connection enforces them.

        SQLite looks only at a real commit; this reads every table that has a foreign key.

        Raises:
            sqlite3.IntegrityError: There are some.
        """
        if self.rows("PRAGMA foreign_keys") == [(1,)] and self.rows("PRAGMA foreign_key_check"):
            raise sqlite3.IntegrityError(_VIOLATED)
        if self.deferring:
            self.deferring = False
            self.script("PRAGMA defer_foreign_keys = OFF")

    def ended(self, *, test: str, place: str, error: BaseException | None) -> Ended:
        """Say that a statement has ended the transaction: by a rollback, if it has failed."""
        words = RolledBackError(test=test, place=place, cause=str(error or "no error was raised"))
        return Ended(words, leaked=error is None)

    @staticmethod
    def direct(arguments: dict[str, Any]) -> dict[str, Any]:
        """Let `ATTACH` lead to copies."""
        own = arguments.get("factory", sqlite3.Connection)
        return arguments | {"factory": attaching(own)}

    @staticmethod
    def changes_session(sql: str) -> bool:
        """Tell whether a statement changes what the connection keeps."""
        return texts.changes_session(sql)

    @staticmethod
    def outlives_rollback(sql: str) -> bool:
        """Tell whether a statement attaches a file, which stays after a rollback."""
        return texts.attaches(sql)
