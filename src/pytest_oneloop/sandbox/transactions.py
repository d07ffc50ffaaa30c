"""Virtual transactions: what many connections believe, on one real transaction.

A pure state machine, with no I/O: events of the application go in, SQL comes out.

The real connection is inside one transaction per test. What the application believes to be its
transaction is a *frame*: a savepoint on one stack that all connections of the test share. The
application's own savepoints are entries of the same stack. Savepoints are named by their place in
the stack, `oneloop_1` at the bottom, so the same few names serve every test.

Nothing here is sent at once. Closing a frame never fails on the server, so its SQL waits in
`pending` and rides in front of the next statement, in one message.

Each savepoint knows whose work lies in it, which decides whether a rollback can be exact. An
entry that has not written is weightless: it can be moved to the top of the stack, or closed in
any order, and nobody could tell.
"""

from __future__ import annotations

from dataclasses import dataclass

from pytest_oneloop.sandbox.entries import Effect, Entry, InterleavedError, Plan, State
from pytest_oneloop.sandbox.savepoints import Savepoints


@dataclass(slots=True)
class Transactions(Savepoints):
    """The virtual transactions of one test on one real connection.

    Attributes:
        tainted: Why a frame was closed without the rollback that the application asked for.
        owed: A commit left the check of deferred constraints to a later one.
    """

    tainted: InterleavedError | None = None
    owed: bool = False

    # -- what there is ---------------------------------------------------------------------

    def wrote(self, owner: object) -> bool:
        """Whether the owner's open transaction has changed anything."""
        return self.worked(self.owned(owner))

    def failed(self, owner: object) -> bool:
        """Whether the owner's transaction refuses everything but a rollback."""
        entry = self.innermost(owner)
        return entry is not None and (entry.failed or entry is self.aborted)

    def others_wrote(self, owner: object) -> bool:
        """Whether another connection has an open transaction that has written."""
        return self.worked(
            [e for e in self.entries if e.owner is not owner and e.state is not State.DONE]
        )

    def holders(self, owner: object) -> list[object]:
        """Return the other owners whose transaction an unrelated one should wait for.

        Those that have written, and those that have sent nothing yet, since they may write.
        """
        others = dict.fromkeys(
            e.owner for e in self.entries if e.owner is not owner and e.state is not State.DONE
        )
        return [o for o in others if self._reserved(o) or self.wrote(o)]

    # -- frames ----------------------------------------------------------------------------

    def reserve(self, owner: object) -> None:
        """A pool hands the connection out: put a savepoint under whatever comes first."""
        self.recover(owner)
        if not self.owned(owner):
            self.push(Entry(owner, state=State.RESERVED))

    def use_raw(self, owner: object, *, begins: bool) -> None:
        """The driver's own connection is handed out: assume that it is used to write.

        Args:
            owner: The connection.
            begins: The driver begins a transaction by itself.
        """
        entry = self.innermost(owner)
        if entry is not None:
            entry.raw = True
            if begins:
                entry.state = State.OPEN
        self.work(entry)

    def commit(self, owner: object) -> None:
        """End the owner's transaction and keep its work; a failed one is rolled back.

        Raises:
            InterleavedError: It has failed, and the work of others lies inside it. Nothing has
                changed.
        """
        if self.failed(owner):
            self.rollback(owner)
            return
        self.recover(owner)
        self.keep(self.owned(owner))

    def rollback(self, owner: object) -> None:
        """End the owner's transaction and undo its work.

        Raises:
            InterleavedError: The work of others lies inside it. Nothing has changed.
        """
        self.recover(owner)
        own = self.owned(owner)
        if not own:
            return
        if own[0].state is not State.RESERVED or self.aborted in own:
            self._undo(own[0], own)
        self.keep(self.owned(owner))

    def abandon(self, owner: object) -> None:
        """End the owner's transaction at the end of a test, when all is rolled back soon.

        What a rollback cannot do exactly is left, and the stack is `tainted`.
        """
        try:
            self.rollback(owner)
        except InterleavedError as error:
            self.tainted = error
            self.keep(self.owned(owner))

    # -- the application's own savepoints ----------------------------------------------------

    def savepoint(self, owner: object, name: str) -> None:
        """`SAVEPOINT name`: one more entry of the owner."""
        self.recover(owner)
        self._enter(owner)
        self.push(Entry(owner, name))

    def find(self, owner: object, name: str) -> Entry | None:
        """Return the owner's latest open savepoint of that name."""
        for entry in reversed(self.owned(owner)):
            if entry.name == name:
                return entry
        return None

    def release(self, entry: Entry) -> None:
        """`RELEASE SAVEPOINT`: keep the work of the entry and of the owner's ones above it."""
        self.recover(entry.owner)
        own = self.owned(entry.owner)
        self.keep(own[own.index(entry) :])

    def rollback_to(self, entry: Entry) -> None:
        """`ROLLBACK TO SAVEPOINT`: undo all since; the savepoint itself stays.

        Raises:
            InterleavedError: The work of others lies inside it. Nothing has changed.
        """
        self.recover(entry.owner)
        own = self.owned(entry.owner)
        since = own[own.index(entry) :]
        self._undo(entry, since)
        self.keep([e for e in since[1:] if e in self.entries])
        entry.failed = False
        if entry.raw:
            # Whoever holds the driver's own connection may go on to write.
            entry.works.add(entry)

    # -- statements --------------------------------------------------------------------------

    def statement(self, owner: object, effect: Effect, *, autocommit: bool = False) -> Plan:
        """Plan a statement: what must be sent before it is in `pending`; then run it.

        Call `succeeded`, `failed_on_server` or `not_sent` with the plan afterwards.
        """
        self.recover(owner)
        if autocommit:
            return self._guarded(owner, effect)
        entry = self._enter(owner)
        if entry is self.aborted:
            return Plan(owner, effect)
        if entry.failed:
            return self._guarded(owner, effect, poison=True)
        if not self.wrote(owner):
            entry = self._raise_to_top(owner)
        if entry is self.entries[-1] and entry.works <= {entry}:
            return Plan(owner, effect)
        return self._guarded(owner, effect)

    def succeeded(self, plan: Plan) -> None:
        """The statement did what it should."""
        self.not_sent(plan)
        if plan.effect is Effect.WRITE:
            self.work(self.innermost(plan.owner))

    def failed_on_server(self, plan: Plan) -> None:
        """The server refused the statement, so its transaction has failed."""
        entry = self.innermost(plan.owner)
        if plan.guard is None:
            self.aborted = entry
            return
        self._roll_back(plan.guard)
        self._release(plan.guard)
        if entry is not None:
            entry.failed = True

    def not_sent(self, plan: Plan) -> None:
        """The statement never reached the server; its guard, if any, goes."""
        if plan.guard is not None:
            self._release(plan.guard)

    def recover(self, owner: object = None) -> None:
        """Free the server's transaction from a failure of a connection other than the owner.

        That connection can only roll back, so what it loses now it has lost anyway; it goes on to
        see a failed transaction.
        """
        failed = self.aborted
        if failed is not None and failed.owner is not owner:
            self.undo_to(failed, failed.owner)
            failed.failed = True

    # -- inside --------------------------------------------------------------------------------

    def _reserved(self, owner: object) -> bool:
        entry = self.innermost(owner)
        return entry is not None and entry.state is State.RESERVED

    def _guarded(self, owner: object, effect: Effect, *, poison: bool = False) -> Plan:
        self._make(len(self.entries))
        return Plan(owner, effect, len(self.entries), poison)

    def _enter(self, owner: object) -> Entry:
        """Return the owner's innermost entry, with a transaction open around it."""
        entry = self.innermost(owner)
        if entry is not None and entry.state is State.OPEN:
            return entry
        if entry is not None and entry is self.entries[-1] and not entry.works:
            entry.state = State.OPEN
            return entry
        if entry is not None:
            self.keep([entry])
        fresh = Entry(owner)
        self.push(fresh)
        return fresh

    def _raise_to_top(self, owner: object) -> Entry:
        """Put the owner's entries, which have not written, above all others."""
        own = self.owned(owner)
        if self.entries[-len(own) :] == own and not any(e.works for e in own):
            return own[-1]
        self.keep(own)
        moved = [Entry(owner, e.name, raw=e.raw) for e in own]
        for entry in moved:
            self.push(entry)
        return moved[-1]

    def _undo(self, entry: Entry, own: list[Entry]) -> None:
        """Undo the owner's work from `entry` up, or find that there is none to undo."""
        inside = self.inside(entry)
        if not self.worked(own):
            # To roll back would undo nothing, and end cursors of others that read meanwhile.
            if self.aborted is not None and self.aborted in own:
                self.undo_to(self.aborted, entry.owner)
        elif all(e.works.issubset(own) for e in inside):
            self.undo_to(entry, entry.owner)
        else:
            # The work of others may lie below the owner's own.
            first = next(i for i, e in enumerate(inside) if not e.works.isdisjoint(own))
            if not all(e.works.issubset(own) for e in inside[first:]):
                others = [e for e in inside if e.owner is not entry.owner]
                raise InterleavedError(entry, [e for e in others if e.state is not State.DONE])
            self.undo_to(inside[first], entry.owner)
        for mine in own:
            mine.failed = False
