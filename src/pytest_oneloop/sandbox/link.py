"""The one real connection that all connections of a test share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from pytest_oneloop.sandbox import statements
from pytest_oneloop.sandbox.channel import Channel
from pytest_oneloop.sandbox.entries import Effect
from pytest_oneloop.sandbox.gates import AsyncGate, ThreadGate
from pytest_oneloop.sandbox.limits import sqlstate_of
from pytest_oneloop.sandbox.outer import Constraints, OuterTransaction
from pytest_oneloop.sandbox.preparations import Preparations
from pytest_oneloop.sandbox.turns import (
    DEADLINE,
    SoiledError,
    entered,
    taken,
    wait_until_vacant,
)
from pytest_oneloop.sandbox.words import in_words

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Iterable, Sequence

    from pytest_oneloop.sandbox.checkouts import Checkout
    from pytest_oneloop.sandbox.drivers import Driver
    from pytest_oneloop.sandbox.entries import Entry
    from pytest_oneloop.sandbox.gates import Gate
    from pytest_oneloop.sandbox.ids import Ids
    from pytest_oneloop.sandbox.sandbox import Sandbox

T = TypeVar("T")

_BASE: Final = "oneloop_base_"

_WRITE: Final = statements.Query(Effect.WRITE)

__all__ = ["Constraints", "Link"]


class Link:
    """A real connection, the stack of virtual transactions on it, and the gate before it.

    Its methods run where it lives: on its event loop, in SQLAlchemy's greenlet, or in any thread.

    Attributes:
        abandoned: A test has left a statement running on it, and the next one another.
        bases: How many savepoints lie beneath the tests, each above rows that several tests share.
        preparations: What listeners have set on it outside of tests.

    Args:
        real: What SQLAlchemy's dialect made of the driver's connection.
        driver: How to speak to it.
        name: Of the dialect and the driver, `postgresql+asyncpg`.
        loop: The event loop that it is bound to; `None` if threads share it.
        constraints: The deferrable constraints of the schema.
        ids: The sequences of the database.
    """

    def __init__(  # noqa: PLR0913 - what is known of a connection when it is opened
        self, real: Any, driver: Driver, *, name: str, loop: AbstractEventLoop | None,
        constraints: Constraints, ids: Ids,
    ) -> None:  # fmt: skip
        self.real = real
        self.driver = driver
        self.name = name
        self.loop = loop
        self.constraints = constraints
        self._ids = ids
        self.channel = Channel(real, driver)
        self.gate: Gate = ThreadGate() if loop is None else AsyncGate()
        self.abandoned = False
        self.bases = 0
        self.preparations = Preparations()
        self.sandbox: Sandbox | None = None
        self._outer = self._begin()

    @property
    def dialect(self) -> str:
        """The name of SQLAlchemy's dialect: connections of two have two databases."""
        return self.name.partition("+")[0]

    @property
    def description(self) -> str:
        """The driver and the loop, for messages."""
        return self.name if self.loop is None else f"{self.name} on the loop {id(self.loop):#x}"

    @property
    def dead(self) -> bool:
        """Whether it is of no more use."""
        return self.channel.dead

    # -- tests -------------------------------------------------------------------------------

    def adopt(self, sandbox: Sandbox, lingering: Iterable[Link] = ()) -> None:
        """Belong to a test from now on; what the one before did is undone with the next message.

        Args:
            sandbox: The test's.
            lingering: Other connections still inside the transaction of an earlier test, whose
                locks this test might wait for. That transaction is ended, and with it the
                connection, if its loop does not run: one message each.

        Raises:
            OccupiedError: The test before has left a statement running that does not end.
            SoiledError: It has changed what no rollback puts back; the connection is closed.
        """
        if self.sandbox is not sandbox:
            wait_until_vacant(self.gate)
            if self.driver.soiled and not self.bases:
                self.close()
                raise SoiledError
        for other in lingering:
            if not other.abandoned and other.loop in (None, self.loop):
                other.leave()
                continue
            other.channel.dead = True
            self.gate.enter(DEADLINE)
            try:
                self.driver.end_other(other.driver)
            finally:
                self.gate.leave()
        if self.sandbox is not sandbox:
            if self.preparations.outdated and self.driver.reset and not self.bases:
                self._take_preparations_back()
            self.sandbox = sandbox
            # The old one stays with the statement of the old test that may still run.
            self._outer = self._begin()
            self._outer.stack.pending += self._ids.due(noted=self.bases > 0)

    def _take_preparations_back(self) -> None:
        """Have all settings as they were when it was opened. Three messages."""
        self.gate.enter(DEADLINE)
        try:
            if self.channel.inside:
                self.channel.leave_transaction()
            self.driver.script(self.driver.reset)
            self.preparations.taken_back()
        finally:
            self.gate.leave()

    def leave(self) -> None:
        """End the transaction of a test that has ended. One message."""
        self.gate.enter(DEADLINE)
        try:
            if self.lingers:
                self.channel.leave_transaction()
                self._outer = self._begin()
        finally:
            self.gate.leave()

    def keep(self) -> bool:
        """Let what was done so far stay, beneath the tests to come. Sends nothing.

        Returns:
            Whether it stays; what a transaction has written that is still open cannot.
        """
        stack = self._outer.stack
        if stack.aborted or stack.tainted or stack.others_wrote(None) or self.dead:
            return False
        self.bases += 1
        note = [self._ids.restart.note] if self._ids.restart.note else []
        pending = [*stack.pending, *note, f"SAVEPOINT {_BASE}{self.bases}"]
        outer = OuterTransaction(self.channel, self.constraints, pending)
        outer.raw, self._outer = self._outer.raw, outer
        return True

    def drop(self, base: int, *, now: bool) -> None:
        """Let go of what `keep` has kept, from one base on. Sends nothing.

        Args:
            base: The base, from 1.
            now: What comes next must not see it, though it is of the same test.
        """
        self.bases = min(self.bases, base - 1)
        if now:
            self._outer = self._begin()

    def _begin(self) -> OuterTransaction:
        if not self.channel.inside:
            self.bases = 0
            pending = ["BEGIN"]
        elif self.bases:
            pending = [f"ROLLBACK TO SAVEPOINT {_BASE}{self.bases}"]
        else:
            pending = ["ROLLBACK", "BEGIN"]
        return OuterTransaction(self.channel, self.constraints, pending)

    @property
    def lingers(self) -> bool:
        """Whether the transaction of a test that has ended is still open on the server."""
        return self.channel.inside and self.sandbox is not None and self.sandbox.ended

    @property
    def escaped(self) -> bool:
        """Whether the driver's own connection was used to end the test's transaction."""
        return self._outer.escaped

    def close(self) -> None:
        """Close the real connection; without a word to the server, if that has ended it."""
        ended, self.channel.dead = self.dead, True
        (self.driver.abandon if ended else self.driver.close)()

    def abandon(self) -> None:
        """End the real connection if its loop has closed without a word. Sends no message."""
        if self.loop is not None and self.loop.is_closed() and not self.dead:
            self.channel.dead = True
            self.driver.abandon()

    # -- checkouts ---------------------------------------------------------------------------

    def check_out(self, checkout: Checkout) -> None:
        """Begin a use of the connection. One message, which a first statement would cost else."""
        __tracebackhide__ = True
        outer = self._outer
        with taken(self.gate, checkout, outer.stack), in_words(checkout, self.driver):
            outer.settle_raw(checkout)
            outer.stack.reserve(checkout)
            self.channel.flush(outer.stack.pending)

    def use_raw(self, checkout: Checkout) -> None:
        """The application gets the driver's own connection. Sends nothing."""
        self._outer.raw = True
        self._outer.stack.use_raw(checkout, begins=self.driver.raw_begins)
        checkout.sandbox.wrote(self)
        self._ids.advanced = True

    def run_raw(self, checkout: Checkout, send: Callable[[], T]) -> T:
        """Let the application use the driver's own connection, and wait until it has."""
        __tracebackhide__ = True
        outer = self._outer
        with taken(self.gate, checkout, outer.stack), in_words(checkout, self.driver):
            return self._run(outer, checkout, Effect.WRITE, send)

    def expect_deferred(self) -> None:
        """Check constraints at each commit of this test: one of them has deferred all."""
        self._outer.constraints = Constraints(deferrable=True)

    def failed(self, checkout: Checkout) -> bool:
        """Whether its transaction takes nothing but a rollback. Sends nothing."""
        return self._outer.stack.failed(checkout)

    # -- statements --------------------------------------------------------------------------

    def execute(  # noqa: PLR0913 - what the connection knows of the statement
        self,
        checkout: Checkout,
        statement: statements.Statement,
        send: Callable[[], T],
        *,
        sql: str,
        autocommit: bool,
        read_only: bool,
        isolated: bool = False,
        local: Sequence[str] = (),
    ) -> T | None:
        """Run a statement of the application in its transaction.

        Returns:
            What `send` returned; `None` for the application's savepoints, which are not sent as
            they are written.
        """
        __tracebackhide__ = True
        outer = self._outer
        try:
            with taken(self.gate, checkout, outer.stack), in_words(checkout, self.driver):
                checkout.passed = False
                checkout.sandbox.statements += 1
                checkout.sandbox.watch.statement(
                    checkout,
                    sql,
                    alone=autocommit,
                    writes=statement == _WRITE,
                    local=bool(local),
                    isolated=isolated,
                    related=self.constraints.related,
                )
                if local and not autocommit:
                    outer.note_settings(checkout, local)
                match statement:
                    case statements.Query(Effect.WRITE) if read_only:
                        refused = outer.refusing_writes(send)
                        return self._run(outer, checkout, Effect.READ, refused, alone=autocommit)
                    case statements.Query(effect):
                        return self._run(outer, checkout, effect, send, alone=autocommit)
                    case _:
                        if outer.own_savepoint(checkout, statement):
                            self.gate.touch()
                            return None
                        return self._run(outer, checkout, Effect.READ, send, alone=autocommit)
        except Exception as error:
            checkout.sandbox.watch.refused(sqlstate_of(error))
            raise
        finally:
            self.gate.ring()

    def fetch(self, checkout: Checkout, send: Callable[[], T]) -> T:
        """Read on from a cursor of the server, which is as good as a statement."""
        __tracebackhide__ = True
        outer, stack = self._outer, self._outer.stack
        with entered(self.gate, checkout), in_words(checkout, self.driver):
            if not stack.owned(checkout) or stack.failed(checkout):
                return send()
            return self._run(outer, checkout, Effect.READ, send)

    def is_open(self, checkout: Checkout) -> bool:
        """Whether it is in a transaction, as far as it can tell. Sends nothing."""
        return self._outer.stack.innermost(checkout) is not None

    def opened_cursor(self, checkout: Checkout) -> Entry | None:
        """Return the savepoint in which it has just opened a cursor of the server."""
        self._outer.streaming.add(checkout)
        return self._outer.stack.innermost(checkout)

    def close_cursor(self, entry: Entry, send: Callable[[], object]) -> None:
        """Close a cursor of the server that was opened in a savepoint."""
        self.gate.enter(DEADLINE)
        try:
            self._outer.close_cursor(entry, send)
        finally:
            self.gate.leave()

    def set_up(self, send: Callable[[], T], *, streams: bool = False) -> T:
        """Run what a listener sends to prepare a new connection, outside of transactions.

        Args:
            send: Sends it.
            streams: It opens a cursor on the server, which needs a transaction.
        """
        __tracebackhide__ = True
        self.gate.enter(DEADLINE)
        try:
            outer, stack = self._outer, self._outer.stack
            if stack.pending[:2] == ["ROLLBACK", "BEGIN"] and not streams:
                self.channel.leave_transaction()
                del stack.pending[0]
            if not self.channel.inside and not streams:
                return send()
            plan = stack.statement(self, Effect.READ, autocommit=True)
            return outer.send(plan, send)
        finally:
            self.gate.leave()

    def commit(self, checkout: Checkout) -> None:
        """Commit the application's transaction, as far as it can tell."""
        __tracebackhide__ = True
        outer, stack = self._outer, self._outer.stack
        checkout.sandbox.watch.ended(checkout)
        if not stack.owned(checkout):
            return
        try:
            with entered(self.gate, checkout), in_words(checkout, self.driver):
                outer.settle_raw(checkout)
                if not stack.failed(checkout):
                    outer.check_constraints(checkout)
                outer.end(checkout, stack.commit)
                outer.put_settings_back(checkout)
                outer.expose(checkout)
        finally:
            self.gate.ring()

    def rollback(self, checkout: Checkout) -> None:
        """Roll the application's transaction back. Sends nothing, unless a raw one is about."""
        __tracebackhide__ = True
        outer, stack = self._outer, self._outer.stack
        checkout.sandbox.watch.ended(checkout)
        if not stack.owned(checkout) or checkout.sandbox.leaked:
            return
        if checkout.sandbox.closing:
            # The fixture `db_session` closes its session here, with no loop to wait on.
            self.gate.soon(lambda: outer.undo(checkout))
            self.gate.ring()
            return
        try:
            with entered(self.gate, checkout), in_words(checkout, self.driver):
                outer.settle_raw(checkout)
                outer.undo(checkout)
                outer.expose(checkout)
        finally:
            self.gate.ring()

    def forget(self, checkout: Checkout) -> None:
        """End a use of the connection whose transaction nobody ended. Sends nothing."""
        checkout.open = False
        checkout.sandbox.watch.ended(checkout)
        outer, stack = self._outer, self._outer.stack
        if stack.owned(checkout) and not checkout.sandbox.ended:
            # Nobody could catch an error here; the next statement raises it.
            self.gate.soon(lambda: outer.end(checkout, stack.abandon))
            self.gate.ring()

    def _run(
        self,
        outer: OuterTransaction,
        checkout: Checkout,
        effect: Effect,
        send: Callable[[], T],
        *,
        alone: bool = False,
    ) -> T:
        __tracebackhide__ = True
        checkout.sandbox.admit(self)
        if effect is Effect.WRITE:
            checkout.sandbox.wrote(self)
            self._ids.advanced = True
        return outer.run(checkout, effect, send, alone=alone)
