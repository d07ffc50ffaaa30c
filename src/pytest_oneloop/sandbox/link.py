"""The one real connection that all connections of a test share."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pytest_oneloop.errors.sandbox import (
    ConnectionLostError,
    InterleavedTransactionsError,
    TransactionControlError,
    TurnTimeoutError,
)
from pytest_oneloop.sandbox import greenlets, statements
from pytest_oneloop.sandbox.entries import Effect, InterleavedError
from pytest_oneloop.sandbox.checkouts import HELD, Checkout, origin
from pytest_oneloop.sandbox.gates import AsyncGate, ThreadGate
from pytest_oneloop.sandbox.transactions import Transactions

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Iterable

    from pytest_oneloop.sandbox.entries import Plan
    from pytest_oneloop.sandbox.drivers import Driver
    from pytest_oneloop.sandbox.gates import Gate
    from pytest_oneloop.sandbox.sandbox import Sandbox

T = TypeVar("T")

DEADLINE: Final = 60.0
"""Seconds that one statement waits for another at most."""

PATIENCE: Final = 1.0
"""Seconds that a task waits for the transaction of another task that does nothing."""

SHORT_PATIENCE: Final = 0.02
"""The same, for a connection that has sent nothing yet, and inside one request."""


@dataclass(frozen=True, slots=True)
class Constraints:
    """The deferrable constraints of a schema.

    Attributes:
        deferrable: Whether there are any.
        initially_deferred: Their names, quoted and with the schema.
    """

    deferrable: bool = False
    initially_deferred: tuple[str, ...] = ()


class Link:
    """A real connection, the stack of virtual transactions on it, and the gate before it.

    Every method runs where the connection lives: on its event loop, inside
    SQLAlchemy's greenlet, or in any thread for a driver without a loop.

    Args:
        real: What SQLAlchemy's dialect made of the driver's connection.
        driver: How to speak to it.
        name: Of the dialect and the driver, `postgresql+asyncpg`.
        loop: The event loop that it is bound to; `None` if threads share it.
        constraints: The deferrable constraints of the schema.
    """

    def __init__(
        self,
        real: Any,
        driver: Driver,
        *,
        name: str,
        loop: AbstractEventLoop | None,
        constraints: Constraints,
    ) -> None:
        self.real = real
        self.driver = driver
        self.name = name
        self.loop = loop
        self.constraints = constraints
        self.gate: Gate = ThreadGate() if loop is None else AsyncGate()
        self.dead = False
        self.sandbox: Sandbox | None = None
        self.stack = Transactions()
        self._inside = False
        self._raw = 0

    @property
    def description(self) -> str:
        """The driver and the loop, for messages."""
        return self.name if self.loop is None else f"{self.name} on the loop {id(self.loop):#x}"

    # -- tests -------------------------------------------------------------------------------

    def adopt(self, sandbox: Sandbox, lingering: Iterable[Link] = ()) -> None:
        """Belong to a test from now on; what the one before did is undone with the next message.

        Args:
            sandbox: The test's.
            lingering: Connections on loops that do not run, still inside the transaction of an
                earlier test, whose locks this test might wait for. They are ended: one message
                each.
        """
        if self.sandbox is sandbox:
            return
        self.sandbox = sandbox
        self._raw = 0
        self.stack = Transactions(["ROLLBACK", "BEGIN"] if self._inside else ["BEGIN"])
        for other in lingering:
            other.dead = True
            self.driver.end_backend(other.driver.backend())

    @property
    def lingers(self) -> bool:
        """Whether the transaction of a test that has ended is still open on the server."""
        return self._inside and self.sandbox is not None and self.sandbox.ended

    async def close(self) -> None:
        """Close the real connection; its loop is about to close."""
        self.dead = True
        await greenlets.run(self.driver.close)

    # -- checkouts ---------------------------------------------------------------------------

    def check_out(self, checkout: Checkout) -> None:
        """Begin a use of the connection. One message, which a first statement would cost else."""
        self._take_turn(checkout)
        checkout.busy = True
        try:
            self.stack.reserve(checkout)
            self._flush()
        finally:
            checkout.rest()
            self.gate.leave()

    def use_raw(self, checkout: Checkout) -> None:
        """The application gets the driver's own connection. Sends nothing."""
        self._raw += 1
        self.stack.use_raw(checkout)
        checkout.sandbox.wrote(self)

    # -- statements --------------------------------------------------------------------------

    def execute(
        self,
        checkout: Checkout,
        sql: str,
        send: Callable[[], T],
        *,
        autocommit: bool,
        read_only: bool,
    ) -> T | None:
        """Run a statement of the application in its transaction.

        Returns:
            What `send` returned; `None` for the application's savepoints, which are not sent as
            they are written.
        """
        __tracebackhide__ = True
        statement = statements.read(sql)
        self._take_turn(checkout)
        checkout.busy = True
        checkout.passed = False
        try:
            checkout.sandbox.statements += 1
            match statement:
                case statements.Control(command):
                    raise checkout.sandbox.report(
                        TransactionControlError(
                            test=checkout.sandbox.test, command=command, place=str(origin())
                        )
                    )
                case statements.Query(Effect.WRITE) if read_only:
                    return self._run(
                        checkout,
                        Effect.READ,
                        lambda: self._refuse_writes(send),
                        autocommit=autocommit,
                    )
                case statements.Query(effect):
                    return self._run(checkout, effect, send, autocommit=autocommit)
                case _:
                    if self._own_savepoint(checkout, statement):
                        return None
                    return self._run(checkout, Effect.READ, send, autocommit=autocommit)
        finally:
            checkout.rest()
            self.gate.leave()
            self.gate.ring()

    def fetch(self, checkout: Checkout, send: Callable[[], T]) -> T:
        """Read on from a cursor of the server."""
        self._enter_gate(checkout)
        try:
            return send()
        finally:
            self.gate.leave()

    def set_up(self, send: Callable[[], T]) -> T:
        """Run a statement of a listener that prepares a new connection, outside transactions."""
        self.gate.enter(DEADLINE)
        try:
            if self.stack.pending[:2] == ["ROLLBACK", "BEGIN"]:
                self.driver.end()
                self._inside = False
                del self.stack.pending[0]
            if not self._inside:
                return send()
            plan = self.stack.statement(self, Effect.READ, autocommit=True)
            self._flush()
            try:
                result = send()
            except BaseException as error:
                self._note_failure(plan, error)
                raise
            self.stack.succeeded(plan)
            return result
        finally:
            self.gate.leave()

    def commit(self, checkout: Checkout) -> None:
        """Commit the application's transaction, as far as it can tell."""
        __tracebackhide__ = True
        if not self.stack.owned(checkout):
            return
        self._enter_gate(checkout)
        try:
            self._probe_raw(checkout)
            self._check_constraints(checkout)
            self._settle(self.stack.commit, checkout)
            if self._raw:
                self._flush()
        finally:
            self.gate.leave()
            self.gate.ring()

    def rollback(self, checkout: Checkout) -> None:
        """Roll the application's transaction back. Sends nothing, unless a raw one is about."""
        __tracebackhide__ = True
        if not self.stack.owned(checkout):
            return
        self._enter_gate(checkout)
        try:
            self._probe_raw(checkout)
            self._settle(self._undo, checkout)
            if self._raw:
                self._flush()
        finally:
            self.gate.leave()
            self.gate.ring()

    def forget(self, checkout: Checkout) -> None:
        """End a use of the connection whose transaction nobody ended. Sends nothing."""
        checkout.open = False
        if self.stack.owned(checkout) and not checkout.sandbox.ended:
            self.gate.soon(lambda: self._settle(self._undo, checkout))
            self.gate.ring()

    # -- inside the gate -----------------------------------------------------------------------

    def _check_constraints(self, checkout: Checkout) -> None:
        """Check deferred constraints, as a commit does. One message, if the schema has any.

        A failure ends the application's transaction, and is raised in the driver's own class.
        While others are in the middle of a transaction the check would meet theirs as well, so
        it is left to the commit of the last of them.
        """
        __tracebackhide__ = True
        stack = self.stack
        if not self.constraints.deferrable or stack.failed(checkout):
            return
        if not (stack.wrote(checkout) or stack.owed):
            return
        stack.owed = stack.others_wrote(checkout)
        if stack.owed:
            return
        plan = stack.statement(checkout, Effect.READ)
        self._flush()
        cursor = self.real.cursor()
        try:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except BaseException as error:
            self._note_failure(plan, error)
            self._settle(stack.rollback, checkout)
            raise
        finally:
            cursor.close()
        stack.succeeded(plan)
        if self.constraints.initially_deferred:
            names = ", ".join(self.constraints.initially_deferred)
            stack.pending.append(f"SET CONSTRAINTS {names} DEFERRED")

    def _run(
        self, checkout: Checkout, effect: Effect, send: Callable[[], T], *, autocommit: bool
    ) -> T:
        __tracebackhide__ = True
        checkout.sandbox.admit(self)
        if self.stack.tainted is not None:
            raise checkout.sandbox.report(self._interleaved(checkout, self.stack.tainted))
        plan = self.stack.statement(checkout, effect, autocommit=autocommit)
        self._flush()
        if plan.poison:
            self._poison()
        if effect is Effect.WRITE:
            checkout.sandbox.wrote(self)
        try:
            result = send()
        except BaseException as error:
            self._note_failure(plan, error)
            raise
        self.stack.succeeded(plan)
        return result

    def _own_savepoint(self, checkout: Checkout, statement: statements.Statement) -> bool:
        """Do a savepoint command of the application on the stack, if the server would take it."""
        if self.stack.failed(checkout) and not isinstance(statement, statements.RollbackTo):
            return False
        match statement:
            case statements.Savepoint(name):
                checkout.sandbox.admit(self)
                self.stack.savepoint(checkout, name)
                return True
            case statements.Release(name) | statements.RollbackTo(name):
                entry = self.stack.find(checkout, name)
                if entry is None:
                    return False
                undo = isinstance(statement, statements.RollbackTo)
                move = self.stack.rollback_to if undo else self.stack.release
                self._settle(lambda _: move(entry), checkout)
                return True
            case _:
                return False

    def _refuse_writes(self, send: Callable[[], T]) -> T:
        """Run a statement as in a read-only transaction. One message more."""
        self.driver.script("SAVEPOINT oneloop_read_only; SET LOCAL transaction_read_only = on")
        result = send()
        # What it did, if anything, a read-only transaction allows, and so would lose at its end.
        self.stack.pending += [
            "ROLLBACK TO SAVEPOINT oneloop_read_only",
            "RELEASE SAVEPOINT oneloop_read_only",
        ]
        return result

    def _undo(self, checkout: Checkout) -> None:
        if checkout.sandbox.closing:
            self.stack.abandon(checkout)
        else:
            self.stack.rollback(checkout)

    def _settle(self, move: Callable[[Checkout], None], checkout: Checkout) -> None:
        """Change the stack; say what cannot be done in words of the application."""
        __tracebackhide__ = True
        try:
            move(checkout)
        except InterleavedError as error:
            raise checkout.sandbox.report(self._interleaved(checkout, error)) from None

    def _interleaved(
        self, checkout: Checkout, error: InterleavedError
    ) -> InterleavedTransactionsError:
        owners = dict.fromkeys(e.owner for e in error.others)
        return InterleavedTransactionsError(
            test=checkout.sandbox.test,
            place=str(checkout.origin),
            others=tuple(str(o.origin) for o in owners if isinstance(o, Checkout)),
        )

    def _note_failure(self, plan: Plan, error: BaseException) -> None:
        if self.driver.is_closed():
            self.dead = True
        elif self.driver.failed_on_server(error):
            self.stack.failed_on_server(plan)
        else:
            self.stack.not_sent(plan)

    def _probe_raw(self, checkout: Checkout) -> None:
        """Learn whether a statement that went past us has failed. One message."""
        if not any(e.raw for e in self.stack.owned(checkout)) or self.stack.failed(checkout):
            return
        self._flush()
        try:
            self.driver.script("SAVEPOINT oneloop_probe; RELEASE SAVEPOINT oneloop_probe")
        except Exception as error:
            if self.driver.is_closed():
                raise self._lost(error) from error
            self.stack.aborted = self.stack.innermost(checkout)

    def _poison(self) -> None:
        """Make the server refuse the next statement as one of a failed transaction."""
        try:
            self.driver.script("DO $$ BEGIN RAISE EXCEPTION 'oneloop'; END $$")
        except Exception as error:
            if self.driver.is_closed():
                raise self._lost(error) from error

    def _flush(self) -> None:
        """Send what is pending, in one message (two for the first test of the connection)."""
        pending = self.stack.pending
        try:
            if pending[:1] == ["BEGIN"]:
                self.driver.begin()
                self._inside = True
                del pending[0]
            if pending:
                self.driver.script("; ".join(pending))
        except Exception as error:
            if self.driver.is_closed():
                raise self._lost(error) from error
            raise
        pending.clear()

    def _lost(self, error: BaseException) -> ConnectionLostError:
        self.dead = True
        assert self.sandbox is not None  # noqa: S101 - a link is adopted before it is used
        lost = ConnectionLostError(test=self.sandbox.test, cause=str(error))
        self.sandbox.report(lost)
        return lost

    # -- turns ---------------------------------------------------------------------------------

    def _enter_gate(self, checkout: Checkout) -> None:
        try:
            self.gate.enter(DEADLINE)
        except TimeoutError:
            raise checkout.sandbox.report(
                TurnTimeoutError(test=checkout.sandbox.test, seconds=DEADLINE, place=str(origin()))
            ) from None

    def _take_turn(self, checkout: Checkout) -> None:
        """Enter the gate when no unrelated task is in the middle of a transaction."""
        until = time.monotonic() + DEADLINE
        while True:
            wait = self._blocked_for(checkout)
            if wait is None or time.monotonic() > until:
                self._enter_gate(checkout)
                if self._blocked_for(checkout) is None or time.monotonic() > until:
                    return
                self.gate.leave()
            else:
                self.gate.listen(wait)

    def _blocked_for(self, checkout: Checkout) -> float | None:
        """Return how long to listen for the end of another's transaction; `None`: not at all."""
        if self.stack.wrote(checkout):
            # It holds the turn; to wait now could be to wait for one another.
            return None
        longest: float | None = None
        for other in self.stack.holders(checkout):
            assert isinstance(other, Checkout)  # noqa: S101 - only checkouts own entries
            if other.passed or other.orphaned or other in HELD.get():
                continue
            patience = PATIENCE
            if not self.stack.wrote(other) or (
                other.request is not None and other.request is checkout.request
            ):
                patience = SHORT_PATIENCE
            left = patience if other.busy else other.used_at + patience - time.monotonic()
            if left <= 0:
                other.passed = True
            else:
                longest = max(left, longest or 0.0)
        return longest
