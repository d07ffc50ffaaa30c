"""What the application's pool holds in place of a connection of SQLite.

The drivers begin a transaction before the first change, or not at all, or when they are told by
SQL text, as SQLAlchemy's documentation recommends: all three are virtual transactions here.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pytest_oneloop.errors.sqlite import AttachError, PragmaError
from pytest_oneloop.sandbox import statements
from pytest_oneloop.sandbox.checkouts import origin
from pytest_oneloop.sandbox.entries import Effect
from pytest_oneloop.sandbox.sqlite import texts
from pytest_oneloop.sandbox.sqlite.cursor import SqliteCursor
from pytest_oneloop.sandbox.sqlite.watched import WatchedConnection

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_oneloop.errors.sandbox import SandboxError
    from pytest_oneloop.sandbox.checkouts import Checkout
    from pytest_oneloop.sandbox.cursor import SandboxedCursor
    from pytest_oneloop.sandbox.homes import Home
    from pytest_oneloop.sandbox.link import Link
    from pytest_oneloop.sandbox.sandbox import Sandbox

T = TypeVar("T")


class SqliteConnection(WatchedConnection):
    """What SQLAlchemy's dialects of SQLite, and applications, use on a connection."""

    oneloop_cursor: ClassVar[type[SandboxedCursor]] = SqliteCursor

    def __init__(self, link: Link, home: Home) -> None:
        super().__init__(link, home)
        self._begun = False
        self.row_factory: Any = None

    @property  # type: ignore[misc]  # object's has a setter, which nothing here uses
    def __class__(self) -> Any:
        """Pass for the real connection: listeners ask `isinstance` before they send a PRAGMA."""
        return type(self.oneloop_link.real)

    # -- transactions, as the drivers have them -------------------------------------------------

    @property
    def isolation_level(self) -> str | None:
        """How the driver would begin a transaction; `None` if it does not."""
        level: Any = self.oneloop_noted.get("isolation_level", "")
        return level if level is None else str(level)

    @isolation_level.setter
    def isolation_level(self, level: str | None) -> None:
        if level is None and self._checkout is not None:
            self.commit()  # as the driver does
        self.oneloop_noted["isolation_level"] = level

    @property
    def oneloop_autocommit(self) -> bool:
        """Whether each statement is to stand alone."""
        return self.isolation_level is None and not self._begun

    @property
    def oneloop_read_only(self) -> bool:
        """Return `False`: SQLite refuses writes by itself, where the URL of the engine says so."""
        return False

    @property
    def oneloop_in_test(self) -> bool:
        """Whether a test uses it; otherwise it is prepared by listeners."""
        return self._checkout is not None

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, as far as the application can tell."""
        checkout = self._checkout
        return checkout is not None and self.oneloop_link.is_open(checkout)

    def oneloop_check_out(self, sandbox: Sandbox) -> None:
        """A pool hands it out."""
        self._begun = False
        super().oneloop_check_out(sandbox)

    def commit(self) -> None:
        """Commit the virtual transaction."""
        __tracebackhide__ = True
        super().commit()
        self._begun = False

    def rollback(self) -> None:
        """Roll the virtual transaction back."""
        __tracebackhide__ = True
        self._begun = False
        super().rollback()

    def oneloop_end_raw(self, end: Callable[[], None]) -> None:
        """End the virtual transaction for code that goes on with the driver's own connection."""
        end()
        checkout = self._active()
        if checkout is not None:
            self._call(self.oneloop_link.check_out, checkout)
            self._use_raw()

    def _begin(self, checkout: Checkout) -> None:
        if self._begun:
            raise sqlite3.OperationalError("cannot start a transaction within a transaction")
        if self.isolation_level is None:
            self._call(self.oneloop_link.check_out, checkout)
            self._begun = True

    def _end(self, end: Callable[[], None], verb: str) -> None:
        if self.oneloop_autocommit:
            raise sqlite3.OperationalError(f"cannot {verb} - no transaction is active")
        end()

    # -- statements ------------------------------------------------------------------------------

    def oneloop_read(self, sql: str) -> statements.Statement:
        """Tell what a statement does."""
        found = texts.read(sql)
        if isinstance(found, texts.Pragma):
            changes = found.value is not None and not found.tuning
            return statements.Query(Effect.WRITE if changes else Effect.READ)
        if isinstance(found, (texts.Begin, texts.Commit, texts.Rollback)):
            return statements.Query(Effect.READ)  # is not sent
        if isinstance(found, texts.Attach):
            return statements.Query(Effect.WRITE)
        return found

    def oneloop_refusal(self, checkout: Checkout, sql: str) -> SandboxError | None:
        """Return why a setting cannot be made for a test."""
        found = texts.read(sql)
        if not isinstance(found, texts.Pragma) or found.value is None or found.tuning:
            return None
        if found.name == "defer_foreign_keys" or self._speaker.pragmas.get(found.name) == (
            found.value
        ):
            return None
        return PragmaError(test=checkout.sandbox.test, place=str(origin()), pragma=found.name)

    def oneloop_send(
        self,
        operation: object,
        send: Callable[[], T],
        parameters: object = None,
        *,
        streams: bool = False,
    ) -> T | None:
        """Run a statement; what begins and ends transactions is virtual."""
        __tracebackhide__ = True
        found = texts.read(operation) if isinstance(operation, str) else None
        checkout = self._active() if self._checkout is not None else None
        if checkout is None:
            return self._set_up(
                found,
                lambda: super(SqliteConnection, self).oneloop_send(operation, send, parameters),
            )
        match found:
            case texts.Begin():
                self._begin(checkout)
            case texts.Commit():
                self._end(self.commit, "commit")
            case texts.Rollback():
                self._end(self.rollback, "rollback")
            case _:
                if found == texts.Pragma("defer_foreign_keys", "on"):
                    self._speaker.deferring = True
                    self.oneloop_link.expect_deferred()
                if self.oneloop_noted.get("read_only"):
                    send = self._speaker.refusing_writes(send)
                return super().oneloop_send(operation, send, parameters, streams=streams)
        self._call(self.oneloop_link.gate.touch)
        return None

    def _set_up(self, found: texts.Text | None, send: Callable[[], T]) -> T | None:
        """Let a listener prepare a new connection; what is so already is not done again.

        Each connection of a pool is prepared; behind them is one, and inside a transaction
        SQLite takes some settings without a word, and without effect.
        """
        __tracebackhide__ = True
        pragmas = self._speaker.pragmas
        if not isinstance(found, texts.Pragma) or found.value is None:
            return send()
        if found.tuning:
            return send()  # the cursor asks, inside a transaction
        known = pragmas.get(found.name)
        if known == found.value:
            self._call(self.oneloop_link.gate.touch)
            return None
        result = send()
        differs = known is not None or found.name == "foreign_keys"
        if differs and self.oneloop_link.channel.inside:
            sandbox = self.oneloop_link.sandbox
            if sandbox is not None:
                raise sandbox.report(
                    PragmaError(test=sandbox.test, place=str(origin()), pragma=found.name)
                )
        pragmas[found.name] = found.value
        return result

    def oneloop_dirty_reads(self, value: str | None) -> str:
        """Return what to send in place of `PRAGMA read_uncommitted`, which is noted and not set.

        It is how the dialect has isolation levels; SQLite heeds it between connections that share
        a cache, and here is one.

        Args:
            value: What it is set to; `None` if it is asked for.
        """
        if value is not None:
            self.oneloop_noted["read_uncommitted"] = value == "on"
            return "PRAGMA oneloop_noted"  # SQLite passes over those that it does not know
        return f"SELECT {int(bool(self.oneloop_noted.get('read_uncommitted')))} AS read_uncommitted"

    def oneloop_attach(self, attach: texts.Attach, parameters: Any = ()) -> None:
        """Attach a copy of a file, for a listener; once, for all connections of the test.

        Args:
            attach: What the listener's statement says.
            parameters: What it was sent with.

        Raises:
            AttachError: Another file is attached under that name.
        """
        __tracebackhide__ = True
        file = attach.named(parameters)
        there, sandbox = self._speaker.attachments, self.oneloop_link.sandbox
        if there.other(attach, file) and sandbox is not None:
            raise sandbox.report(
                AttachError(test=sandbox.test, place=str(origin()), name=attach.name, file=file)
            )
        if not there.has(attach, file):
            self._call(self.oneloop_link.set_up, lambda: self._speaker.attach(attach, file))
            there.add(attach, file)

    # -- what else the drivers' connections can do -----------------------------------------------

    def cursor(self, *args: Any, **kwargs: Any) -> SandboxedCursor:
        """Return a cursor."""
        cursor = super().cursor(*args, **kwargs)
        if self.row_factory is not None:
            cursor.row_factory = self.row_factory
        return cursor

    def executemany(self, operation: Any, *args: Any) -> SandboxedCursor:
        """Execute on a new cursor, and return that."""
        cursor = self.cursor()
        cursor.executemany(operation, *args)
        return cursor

    def executescript(self, script: str) -> Any:
        """Execute a script on a new cursor, and return that."""
        return SqliteCursor.executescript(self.cursor(), script)  # type: ignore[arg-type]
