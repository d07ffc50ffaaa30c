"""The one real transaction of a test on one real connection."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from pytest_oneloop.sandbox import statements
from pytest_oneloop.sandbox.channel import LostError
from pytest_oneloop.sandbox.entries import Effect, InterleavedError, State
from pytest_oneloop.sandbox.localsettings import question, setting
from pytest_oneloop.sandbox.transactions import Transactions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_oneloop.sandbox.channel import Channel
    from pytest_oneloop.sandbox.checkouts import Checkout
    from pytest_oneloop.sandbox.entries import Entry, Plan

T = TypeVar("T")


class EscapedError(Exception):
    """The test's transaction was ended by the driver's own means."""


class EndedByItselfError(Exception):
    """The server has ended the test's transaction with a statement; `__cause__` is its error."""


@dataclass(frozen=True, slots=True)
class Constraints:
    """What a sandbox has to know of a schema's constraints and tables.

    Attributes:
        deferrable: Whether there are deferrable constraints.
        initially_deferred: Their names, quoted and with the schema.
        related: For each table, by its name without a schema, the others at whose rows the server
            looks when one of its is changed.
        unsafe: The tables, in small letters, whose rows no rollback puts back.
    """

    deferrable: bool = False
    initially_deferred: tuple[str, ...] = ()
    related: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unsafe: frozenset[str] = frozenset()


class OuterTransaction:
    """What leads the virtual transactions of a test to the server. All of it inside the gate.

    Args:
        channel: The real connection.
        constraints: The deferrable constraints of the schema.
        pending: What begins it.

    Attributes:
        stack: The virtual transactions.
        raw: The driver's own connection was handed out.
        streaming: Who may have cursors of the server open.
    """

    def __init__(self, channel: Channel, constraints: Constraints, pending: list[str]) -> None:
        self.channel = channel
        self.constraints = constraints
        self.stack = Transactions(pending)
        self.raw = False
        self.streaming: set[Checkout] = set()
        self._violation: Exception | None = None

    def run(
        self,
        checkout: Checkout,
        effect: Effect,
        send: Callable[[], T],
        *,
        alone: bool = False,
    ) -> T:
        """Run a statement of the application.

        Args:
            checkout: Whose it is.
            effect: What it may do.
            send: Sends it.
            alone: It is a transaction of its own.
        """
        __tracebackhide__ = True
        if self.stack.tainted is not None:
            raise self.stack.tainted
        self.settle_raw(checkout)
        plan = self.stack.statement(checkout, effect, autocommit=alone)
        if alone and effect is Effect.WRITE and self.constraints.deferrable:
            return self.send(plan, lambda: self._send_and_check(send))
        return self.send(plan, send)

    def send(self, plan: Plan, send: Callable[[], T]) -> T:
        """Send what a plan needs before it, then the statement; note how it went."""
        __tracebackhide__ = True
        sent = False
        try:
            self.channel.flush(self.stack.pending)
            sent = True
            if plan.poison:
                self.channel.poison()
            result = send()
        except BaseException as error:
            if self.channel.has_ended(error):
                if isinstance(error, Exception):
                    raise LostError from error
            elif sent and (self.channel.driver.failed_on_server(error) or error is self._violation):
                self.stack.failed_on_server(plan)
            elif sent and self.channel.ended_by_itself:
                self.channel.inside = False
                raise EndedByItselfError from error
            elif sent and self.channel.undone_alone(error):
                self.stack.succeeded(replace(plan, effect=Effect.READ))
            elif sent:
                # Interrupted, or refused by the client; the server may have done it.
                self.stack.succeeded(plan)
            else:
                self.stack.not_sent(plan)
            self.expose(plan.owner)
            raise
        if self.channel.ended_by_itself:
            self.channel.inside = False
            raise EndedByItselfError
        self.stack.succeeded(plan)
        return result

    def close_cursor(self, entry: Entry, send: Callable[[], object]) -> None:
        """Close a cursor of the server. One message, or two if it may have gone already."""
        stack = self.stack
        if not self.channel.inside or stack.aborted is not None:
            send()
        elif entry in stack.entries and entry.state is State.OPEN and not entry.failed:
            self.send(stack.statement(entry.owner, Effect.READ), send)
        else:
            plan = stack.statement(self, Effect.READ, autocommit=True)
            try:
                self.send(plan, send)
            except Exception as error:
                if not self.channel.driver.failed_on_server(error):
                    raise

    def _send_and_check(self, send: Callable[[], T]) -> T:
        """Run a statement that is a transaction of its own, deferred constraints included."""
        __tracebackhide__ = True
        result = send()
        self.stack.owed = self.stack.others_wrote(None)
        if not self.stack.owed:
            try:
                self.channel.driver.check_deferred()
            except Exception as error:
                self._violation = error
                raise
            self._defer_again()
        return result

    def check_constraints(self, checkout: Checkout) -> None:
        """Check deferred constraints, as a commit does. One message, if the schema has any.

        A failure ends the application's transaction, and is raised in the driver's own class.
        While others are in the middle of a transaction the check would meet theirs as well, so
        it is left to the commit of the last of them.
        """
        __tracebackhide__ = True
        if not self.constraints.deferrable or not (self.stack.wrote(checkout) or self.stack.owed):
            return
        self.stack.owed = self.stack.others_wrote(checkout)
        if self.stack.owed:
            return
        plan = self.stack.statement(checkout, Effect.READ)
        try:
            self.send(plan, self.channel.driver.check_deferred)
        except BaseException:
            self.stack.rollback(checkout)
            raise
        self._defer_again()

    def _defer_again(self) -> None:
        if self.constraints.initially_deferred and self.channel.driver.defer:
            names = ", ".join(self.constraints.initially_deferred)
            self.stack.pending.append(self.channel.driver.defer.format(names))

    def own_savepoint(self, checkout: Checkout, statement: statements.Statement) -> bool:
        """Do a savepoint command of the application on the stack, if the server would take it."""
        if self.stack.failed(checkout) and not isinstance(statement, statements.RollbackTo):
            return False
        match statement:
            case statements.Savepoint(name):
                self.stack.savepoint(checkout, name)
                return True
            case statements.Release(name) | statements.RollbackTo(name):
                entry = self.stack.find(checkout, name)
                if entry is None:
                    return False
                undo = isinstance(statement, statements.RollbackTo)
                (self.stack.rollback_to if undo else self.stack.release)(entry)
                self.expose(checkout)
                return True
            case _:
                return False

    def refusing_writes(self, send: Callable[[], T]) -> Callable[[], T]:
        """Return what runs a statement as in a read-only transaction. One message more."""

        def refusing() -> T:
            self.channel.driver.script(
                "SAVEPOINT oneloop_read_only; SET LOCAL transaction_read_only = on"
            )
            result = send()
            # What it did, if anything, a read-only transaction allows, and would lose at its end.
            self.stack.pending += [
                "ROLLBACK TO SAVEPOINT oneloop_read_only",
                "RELEASE SAVEPOINT oneloop_read_only",
            ]
            return result

        return refusing

    def undo(self, checkout: Checkout) -> None:
        """Roll back the application's transaction; at the end of a test, as far as it can be."""
        checkout.settings.clear()
        closing = checkout.sandbox.closing
        self.end(checkout, self.stack.abandon if closing else self.stack.rollback)

    def end(self, checkout: Checkout, way: Callable[[Checkout], None]) -> None:
        """End the application's transaction in a way, and its cursors of the server with it.

        A driver may leave them to the end of the transaction, and the server's goes on. There is
        no telling whose a cursor is, so they are closed when the last who opened some has ended.
        """
        way(checkout)
        if checkout in self.streaming:
            self.streaming.discard(checkout)
            close = self.channel.driver.close_cursors
            if close and not self.streaming and not self.raw:
                self.stack.pending.append(close)

    # -- settings of one transaction -----------------------------------------------------------

    def note_settings(self, checkout: Checkout, names: Sequence[str]) -> None:
        """Note what settings are before a transaction sets them for itself. One message each."""
        for name in names:
            if name not in checkout.settings and not self.stack.failed(checkout):
                plan = self.stack.statement(checkout, Effect.READ)
                now = self.send(plan, partial(self.channel.value, question(name)))
                # One that was never set is empty afterwards, on a real server too.
                checkout.settings[name] = str(now or "")

    def put_settings_back(self, checkout: Checkout) -> None:
        """End the settings of a transaction that was committed; a rollback has ended them."""
        self.stack.pending += [setting(*kept) for kept in checkout.settings.items()]
        checkout.settings.clear()

    # -- the driver's own connection -----------------------------------------------------------

    @property
    def escaped(self) -> bool:
        """Whether the driver's own connection was used to end the test's transaction."""
        channel = self.channel
        if not self.raw or not channel.inside or channel.dead or channel.driver.is_closed():
            return False
        return not channel.driver.in_transaction()

    def settle_raw(self, checkout: Checkout) -> None:
        """Learn what was done past us. One message, while the driver's own connection is about.

        Raises:
            EscapedError: The test's transaction has ended.
        """
        if not self.raw or not self.channel.inside:
            return
        if self.escaped:
            raise EscapedError
        raw = [e for e in self.stack.entries if e.raw and e.state is not State.DONE]
        if not raw or self.stack.aborted is not None or self.channel.answers():
            return
        own = [e for e in raw if e.owner is checkout] or raw
        victim = self.stack.innermost(own[-1].owner)
        assert victim is not None  # noqa: S101 - it has an entry that is not done
        if not all(e.works <= {victim} for e in self.stack.inside(victim)):
            # To go on, the server must undo the work of others too.
            self.stack.tainted = InterleavedError(victim, self.stack.inside(victim)[1:])
            raise self.stack.tainted
        self.stack.aborted = victim

    def expose(self, owner: object) -> None:
        """Have on the server what others might meet who use the driver's own connection."""
        others = any(e.owner is not owner and e.state is not State.DONE for e in self.stack.entries)
        if self.channel.dead or not (self.raw or (others and self.channel.driver.hands_out)):
            return
        if others:
            self.stack.recover()
        if self.stack.aborted is None and (
            self.raw or any(sql.startswith("ROLLBACK") for sql in self.stack.pending)
        ):
            self.channel.flush(self.stack.pending)
