"""What the drivers of MySQL and MariaDB have in common."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from pytest_oneloop.errors.mysql import (
    ImplicitCommitError,
    TransactionRolledBackError,
    UnsafeTableError,
)
from pytest_oneloop.sandbox import greenlets, levels, limits
from pytest_oneloop.sandbox.checkouts import origin
from pytest_oneloop.sandbox.connection import SandboxedConnection
from pytest_oneloop.sandbox.drivers import Ended
from pytest_oneloop.sandbox.entries import Effect
from pytest_oneloop.sandbox.limits import Limit
from pytest_oneloop.sandbox.mysql import statements
from pytest_oneloop.sandbox.mysql.cursors import ReadCursor, is_unbuffered, without_unbuffered
from pytest_oneloop.sandbox.mysql.limits import SIGNS
from pytest_oneloop.sandbox.mysql.text import commands
from pytest_oneloop.sandbox.statements import Commits, Control, Query, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_oneloop.errors.sandbox import SandboxError
    from pytest_oneloop.sandbox.checkouts import Checkout
    from pytest_oneloop.sandbox.cursor import SandboxedCursor
    from pytest_oneloop.sandbox.drivers import Driver
    from pytest_oneloop.sandbox.statements import Statement

T = TypeVar("T")

_AT_ONCE: Final = tuple(
    (re.compile("|".join(signs), re.IGNORECASE), Limit(reason)) for reason, signs in SIGNS.items()
)
_LEVEL: Final = re.compile(
    r"SET\s+(?:SESSION|LOCAL)\s+TRANSACTION\s+ISOLATION\s+LEVEL\s+(?P<level>[A-Z ]+?)\s*;?\s*$",
    re.IGNORECASE,
)
_QUESTION: Final = re.compile(
    r"\s*SELECT\s+@@(?:SESSION\.|LOCAL\.)?(?:transaction|tx)_isolation\s*;?\s*", re.IGNORECASE
)
_WRITE: Final = Query(Effect.WRITE)
_DEADLOCK: Final = 1213
_ENDS: Final = frozenset({"COMMIT", "ROLLBACK"})


class MySQLConnection(SandboxedConnection):
    """What SQLAlchemy's dialects of MySQL read and set on a connection."""

    def cursor(self, *args: Any, **kwargs: Any) -> SandboxedCursor:
        """Return a cursor whose rows are all in the client.

        MySQL's unbuffered cursors keep their connection busy until the last row was read, and this
        one is shared.
        """
        kept, named, unbuffered = without_unbuffered(args, kwargs)
        cursor = super().cursor(*kept, **named)
        if not unbuffered:
            return cursor
        return ReadCursor(self, cursor.oneloop_real, next(filter(is_unbuffered, args), None))

    def autocommit(self, value: Any) -> None:
        """Note it; to turn it on commits, as it does on the server."""
        if value and self._checkout is not None:
            self.commit()
        self.oneloop_noted["autocommit"] = bool(value)

    def get_autocommit(self) -> bool:
        """Return what was noted."""
        return self.oneloop_autocommit

    def ping(self, *_: object, **__: object) -> None:
        """Answer the pool's question whether it is alive: it has no socket that could die."""

    @property
    def oneloop_stale(self) -> bool:
        """Settings are not rolled back, so what listeners have prepared stays."""
        return False

    # -- how statements are read -------------------------------------------------------------------

    def oneloop_read(self, sql: str) -> Statement:
        """Read a statement as the server will."""
        return statements.read(sql)

    def oneloop_plain(self, sql: str) -> str:
        """Return it as what watches statements reads it: names in double quotes, no comments."""
        return "; ".join(commands(sql)).replace('"', "").replace("`", '"')

    def oneloop_local(self, sql: str, parameters: object) -> list[str]:
        """Return nothing: no setting ends with a transaction."""
        del sql, parameters
        return []

    def oneloop_answered(self, operation: object) -> object:
        """Return what to send for a statement: a question for the isolation level is answered."""
        level = levels.in_words(self.oneloop_noted.get("isolation_level"))
        if level is None or not _QUESTION.fullmatch(text_of(operation)):
            return operation
        return f"SELECT '{level.upper().replace(' ', '-')}'"

    def oneloop_send(
        self,
        operation: object,
        send: Callable[[], T],
        parameters: object = None,
        **how: bool,
    ) -> T | None:
        """Run a statement, but for those that are the dialect's own calls in words."""
        __tracebackhide__ = True
        sql = operation if isinstance(operation, str) else ""
        statement = statements.read(sql)
        if isinstance(statement, Control) and statement.command in _ENDS:
            # By the drivers' own methods the same words would be sent.
            if self._checkout is not None:
                (self.commit if statement.command == "COMMIT" else self.rollback)()
            return None
        if (level := _LEVEL.match(sql)) is not None:
            self.oneloop_noted["isolation_level"] = level["level"]
            return None
        if self._checkout is not None:
            self._watch(self._checkout, sql)
        elif isinstance(statement, Commits) and self.oneloop_link.sandbox is not None:
            sandbox = self.oneloop_link.sandbox
            raise sandbox.report(
                ImplicitCommitError(
                    test=sandbox.test, command=statement.command, sql=sql, place=str(origin())
                )
            )
        return super().oneloop_send(operation, send, parameters, **how)

    def oneloop_refusal(self, checkout: Checkout, sql: str) -> SandboxError | None:
        """Refuse what would end the test's transaction, before it is sent."""
        statement = statements.read(sql)
        if isinstance(statement, Commits):
            return ImplicitCommitError(
                test=checkout.sandbox.test,
                command=statement.command,
                sql=sql,
                place=str(origin()),
            )
        if (unsafe := self.oneloop_link.constraints.unsafe) and statement == _WRITE:
            names = sorted(unsafe & limits.changed_tables(self.oneloop_plain(sql)))
            if names:
                return UnsafeTableError(
                    test=checkout.sandbox.test, table=names[0], place=str(origin())
                )
        return super().oneloop_refusal(checkout, sql)

    def _watch(self, checkout: Checkout, sql: str) -> None:
        text = "; ".join(commands(sql))
        for pattern, limit in _AT_ONCE:
            if pattern.search(text):
                checkout.sandbox.watch.meet(limit)


class OnMysql:
    """How to speak to a connection of MySQL, whatever its driver.

    Args:
        real: The connection, as SQLAlchemy's dialect made it.

    Attributes:
        soiled: A test has changed what no rollback puts back.
    """

    hands_out: ClassVar[bool] = True
    raw_begins: ClassVar[bool] = True
    unwanted: ClassVar[frozenset[str]] = frozenset({"autocommit"})
    unlock: ClassVar[str] = "DO RELEASE_ALL_LOCKS()"
    forget: ClassVar[str] = ""
    clean: ClassVar[str] = "DO RELEASE_ALL_LOCKS()"
    close_cursors: ClassVar[str] = ""
    reset: ClassVar[str] = ""
    poison: ClassVar[str] = ""
    defer: ClassVar[str] = ""
    ends_by_itself: ClassVar[bool] = True
    # Shut down, gone, lost, killed (by MariaDB, by MySQL), idle for too long.
    farewells: ClassVar[frozenset[int]] = frozenset({1053, 2006, 2013, 1927, 3169, 4031})

    def __init__(self, real: Any) -> None:
        self._real = real
        self._rolled_back = False
        self.soiled = False

    @property
    def _own(self) -> Any:
        """The driver's own connection."""
        return getattr(self._real, "driver_connection", self._real)

    def begin(self) -> None:
        """Begin. One message."""
        self.script("BEGIN")

    def end(self) -> None:
        """Roll back. One message."""
        self.script("ROLLBACK")

    def script(self, sql: str) -> None:
        """Send several commands in one message, and read all their answers."""
        self._rolled_back = False
        answers = len(commands(sql))

        async def send(connection: Any) -> None:
            await connection.query(sql)
            for _ in range(1, answers):
                await connection.next_result()

        self._real.run_async(lambda connection: greenlets.unbroken(send(connection)))

    def failed_on_server(self, error: BaseException) -> bool:
        """Whether the transaction has failed: an error undoes its statement, and no more.

        But for a deadlock, which undoes all of it, and then there is none any more.
        """
        self._rolled_back = error.args[:1] == (_DEADLOCK,)
        return False

    def in_transaction(self) -> bool:
        """Whether the server is in a transaction, by its last answer that was no error."""
        return not self._rolled_back and bool(self._own.get_transaction_status())

    def backend(self) -> int:
        """Return the server's number of this connection."""
        number: int = self._own.thread_id()
        return number

    def end_other(self, other: Driver) -> None:
        """End another connection of the same user. One message."""
        self.script(f"KILL {other.backend():d}")

    def check_deferred(self) -> None:
        """Do nothing: constraints are checked with each statement."""

    @staticmethod
    def direct(arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the same: a test's own connection is as the application wants it."""
        return arguments

    @staticmethod
    def changes_session(sql: str) -> bool:
        """Whether a statement may change what the connection keeps for later tests."""
        return statements.changes_session(sql)

    @staticmethod
    def outlives_rollback(sql: str) -> bool:
        """Whether it may do so after a rollback: no setting is undone by one."""
        return statements.changes_session(sql)

    def ended(self, *, test: str, place: str, error: BaseException | None) -> Ended:
        """Tell a deadlock from a statement that has committed, though its text does not show it."""
        if error is not None:
            words = str(error)
            return Ended(
                TransactionRolledBackError(test=test, place=place, reason=words), leaked=False
            )
        return Ended(
            ImplicitCommitError(test=test, command="A statement", sql="", place=place), leaked=True
        )
