"""The one real connection that all connections of a test share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from pytest_oneloop.sandbox import statements
from pytest_oneloop.sandbox.entries import Effect
from pytest_oneloop.sandbox.limits import sqlstate_of
from pytest_oneloop.sandbox.outer import Constraints
from pytest_oneloop.sandbox.shared import SharedConnection
from pytest_oneloop.sandbox.turns import DEADLINE, entered, taken
from pytest_oneloop.sandbox.words import in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_oneloop.sandbox.checkouts import Checkout
    from pytest_oneloop.sandbox.entries import Entry
    from pytest_oneloop.sandbox.outer import OuterTransaction

T = TypeVar("T")

_WRITE: Final = statements.Query(Effect.WRITE)


class Link(SharedConnection):
    """What the connections of a test send, each in its virtual transaction on the real one.

    Its methods run where it lives: on its event loop, in SQLAlchemy's greenlet, or in any thread.
    """

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
                checkout.sandbox.watch.of(self.key).statement(
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
        checkout.sandbox.watch.of(self.key).ended(checkout)
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
        checkout.sandbox.watch.of(self.key).ended(checkout)
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
        checkout.sandbox.watch.of(self.key).ended(checkout)
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
