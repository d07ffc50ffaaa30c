"""Virtual transactions: what many connections believe, on one real transaction.

A pure state machine, with no I/O: events of the application go in, SQL comes out.

The real connection is inside one transaction per test. What the application believes to be its
transaction is a *frame*: a savepoint on one stack that all connections of the test share. The
application's own savepoints are entries of the same stack. Savepoints are named by their place in
the stack, `oneloop_1` at the bottom, so the same few names serve every test.

Nothing here is sent at once. Closing a frame never fails on the server, so its SQL waits in
`pending` and rides in front of the next statement, in one message.

Two facts are tracked for each entry, since they decide whether a rollback can be exact:

- `wrote`: its own connection changed something inside it;
- `merged`: work of *other* connections lies inside it, so `ROLLBACK TO` would take that along.

An entry that has not written is weightless: it can be moved to the top of the stack, or closed in
any order, and nobody could tell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_oneloop.sandbox.entries import Effect, Entry, InterleavedError, Plan, State

if TYPE_CHECKING:
    from collections.abc import Iterable


def name_at(index: int) -> str:
    """Return the name of the savepoint at a place in the stack, from 0."""
    return f"oneloop_{index + 1}"


@dataclass(slots=True)
class Transactions:
    """The stack of one test on one real connection.

    Attributes:
        pending: SQL that must reach the server before the next statement, in order.
        aborted: The entry in which the server's transaction has failed, or `None`.
        tainted: Why a frame was closed without the rollback that the application asked for.
        owed: A commit left the check of deferred constraints to a later one.
    """

    pending: list[str] = field(default_factory=lambda: ["BEGIN"])
    entries: list[Entry] = field(default_factory=list)
    aborted: Entry | None = None
    tainted: InterleavedError | None = None
    owed: bool = False

    # -- what there is ---------------------------------------------------------------------

    def owned(self, owner: object) -> list[Entry]:
        """Return the owner's entries that are not done, from the bottom up."""
        return [e for e in self.entries if e.owner is owner and e.state is not State.DONE]

    def innermost(self, owner: object) -> Entry | None:
        """Return the owner's uppermost entry that is not done."""
        for entry in reversed(self.entries):
            if entry.owner is owner and entry.state is not State.DONE:
                return entry
        return None

    def wrote(self, owner: object) -> bool:
        """Whether the owner's open transaction has changed anything."""
        return any(e.wrote for e in self.owned(owner))

    def failed(self, owner: object) -> bool:
        """Whether the owner's transaction refuses everything but a rollback."""
        entry = self.innermost(owner)
        return entry is not None and (entry.failed or entry is self.aborted)

    def others_wrote(self, owner: object) -> bool:
        """Whether another connection has an open transaction that has written."""
        return any(e.wrote and e.owner is not owner and e.state is State.OPEN for e in self.entries)

    def holders(self, owner: object) -> list[object]:
        """Return the other owners whose transaction an unrelated one should wait for.

        Those that have written, and those that have sent nothing yet, since they may write.
        """
        return list(
            dict.fromkeys(
                e.owner
                for e in self.entries
                if e.owner is not owner
                and (e.state is State.RESERVED or (e.state is State.OPEN and e.wrote))
            )
        )

    # -- frames ----------------------------------------------------------------------------

    def reserve(self, owner: object) -> None:
        """A pool hands the connection out: put a savepoint under whatever comes first."""
        self._recover(owner)
        if not self.owned(owner):
            self._push(Entry(owner, state=State.RESERVED))

    def use_raw(self, owner: object) -> None:
        """The driver's own connection is handed out: assume that it is used to write."""
        entry = self.innermost(owner)
        if entry is None:
            self._merge_into(self.entries)
            return
        entry.raw = entry.wrote = True
        self._merge_into(self.entries[self.entries.index(entry) + 1 :])

    def commit(self, owner: object) -> None:
        """End the owner's transaction and keep its work; a failed one is rolled back."""
        if self.failed(owner):
            self.rollback(owner)
            return
        self._recover(owner)
        self._close(self.owned(owner))

    def rollback(self, owner: object) -> None:
        """End the owner's transaction and undo its work.

        Raises:
            InterleavedError: The work of others lies inside it. Nothing has changed.
        """
        self._recover(owner)
        own = self.owned(owner)
        if not own:
            return
        if own[0].state is State.RESERVED:
            if own[0] is self.aborted:
                self._undo_to(own[0])
            self._close(own)
            return
        self._undo(own[0], own)
        self._close([e for e in own if e in self.entries])

    def abandon(self, owner: object) -> None:
        """End the owner's transaction at the end of a test, when all is rolled back soon.

        What a rollback cannot do exactly is left, and the stack is `tainted`.
        """
        try:
            self.rollback(owner)
        except InterleavedError as error:
            self.tainted = error
            self._close(self.owned(owner))

    # -- the application's own savepoints ----------------------------------------------------

    def savepoint(self, owner: object, name: str) -> None:
        """`SAVEPOINT name`: one more entry of the owner."""
        self._enter(owner)
        self._push(Entry(owner, name))

    def find(self, owner: object, name: str) -> Entry | None:
        """Return the owner's latest open savepoint of that name."""
        for entry in reversed(self.owned(owner)):
            if entry.name == name:
                return entry
        return None

    def release(self, entry: Entry) -> None:
        """`RELEASE SAVEPOINT`: keep the work of the entry and of the owner's ones above it."""
        self._recover(entry.owner)
        own = self.owned(entry.owner)
        self._close(own[own.index(entry) :])

    def rollback_to(self, entry: Entry) -> None:
        """`ROLLBACK TO SAVEPOINT`: undo all since; the savepoint itself stays.

        Raises:
            InterleavedError: The work of others lies inside it. Nothing has changed.
        """
        self._recover(entry.owner)
        own = self.owned(entry.owner)
        inside = own[own.index(entry) :]
        self._undo(entry, inside)
        self._close([e for e in inside[1:] if e in self.entries])
        entry.failed = False

    # -- statements --------------------------------------------------------------------------

    def statement(self, owner: object, effect: Effect, *, autocommit: bool = False) -> Plan:
        """Plan a statement: what must be sent before it is in `pending`; then run it.

        Call `succeeded` or `failed_on_server` with the plan afterwards, unless the statement never
        reached the server.
        """
        self._recover(owner)
        if autocommit:
            guard = name_at(len(self.entries))
            self.pending.append(f"SAVEPOINT {guard}")
            return Plan(owner, effect, guard)
        entry = self._enter(owner)
        if entry is self.aborted:
            return Plan(owner, effect)
        if entry.failed:
            guard = name_at(len(self.entries))
            self.pending.append(f"SAVEPOINT {guard}")
            return Plan(owner, effect, guard, poison=True)
        if not self.wrote(owner):
            entry = self._raise_to_top(owner)
        if entry is self.entries[-1] and not entry.merged:
            return Plan(owner, effect)
        guard = name_at(len(self.entries))
        self.pending.append(f"SAVEPOINT {guard}")
        return Plan(owner, effect, guard)

    def succeeded(self, plan: Plan) -> None:
        """The statement did what it should."""
        if plan.guard is not None:
            self.pending.append(f"RELEASE SAVEPOINT {plan.guard}")
        if plan.effect is Effect.READ:
            return
        entry = self.innermost(plan.owner)
        if entry is None:
            self._merge_into(self.entries)
            return
        entry.wrote = True
        self._merge_into(self.entries[self.entries.index(entry) + 1 :])

    def failed_on_server(self, plan: Plan) -> None:
        """The server refused the statement, so its transaction has failed."""
        entry = self.innermost(plan.owner)
        if plan.guard is None:
            self.aborted = entry
            return
        self.pending += [
            f"ROLLBACK TO SAVEPOINT {plan.guard}",
            f"RELEASE SAVEPOINT {plan.guard}",
        ]
        if entry is not None:
            entry.failed = True

    def not_sent(self, plan: Plan) -> None:
        """The statement never reached the server; its guard, if any, goes."""
        if plan.guard is not None:
            self.pending.append(f"RELEASE SAVEPOINT {plan.guard}")

    # -- the stack ---------------------------------------------------------------------------

    def _push(self, entry: Entry) -> None:
        self.pending.append(f"SAVEPOINT {name_at(len(self.entries))}")
        self.entries.append(entry)

    def _enter(self, owner: object) -> Entry:
        """Return the owner's innermost entry, with a transaction open around it."""
        entry = self.innermost(owner)
        if entry is not None and entry.state is State.OPEN:
            return entry
        if entry is not None and entry is self.entries[-1] and not entry.holds_work:
            entry.state = State.OPEN
            return entry
        if entry is not None:
            self._close([entry])
        fresh = Entry(owner)
        self._push(fresh)
        return fresh

    def _raise_to_top(self, owner: object) -> Entry:
        """Put the owner's entries, which have not written, above all others."""
        own = self.owned(owner)
        if self.entries[-len(own) :] == own and not any(e.merged for e in own):
            return own[-1]
        self._close(own)
        moved = [Entry(owner, e.name) for e in own]
        for entry in moved:
            self._push(entry)
        return moved[-1]

    def _close(self, entries: Iterable[Entry]) -> None:
        """Keep the work of these entries; release all that nothing open lies upon."""
        for entry in entries:
            entry.state = State.DONE
        closed = False
        while self.entries and self.entries[-1].state is State.DONE:
            top = self.entries.pop()
            closed = True
            if not self.entries:
                continue
            below = self.entries[-1]
            if below.owner is top.owner:
                below.wrote |= top.wrote
                below.merged |= top.merged
            elif top.holds_work:
                below.merged = True
        if closed:
            # Releasing a savepoint releases those above it too.
            self.pending.append(f"RELEASE SAVEPOINT {name_at(len(self.entries))}")

    def _merge_into(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            entry.merged = True

    def _undo(self, entry: Entry, own: list[Entry]) -> None:
        """Undo the owner's work from `entry` up, or find that there is none to undo."""
        above = [
            e for e in self.entries[self.entries.index(entry) + 1 :] if e.owner is not entry.owner
        ]
        lost = any(e.merged for e in own) or any(e.holds_work for e in above)
        if not lost:
            self._undo_to(entry)
            return
        if any(e.wrote for e in own):
            raise InterleavedError(entry, [e for e in above if e.state is not State.DONE])
        if self.aborted in own:
            # Only ever set where nothing of others lies inside.
            self._undo_to(self.aborted)
        for mine in own:
            mine.failed = False

    def _undo_to(self, entry: Entry) -> None:
        """Roll back to an entry; put the savepoints of others, which hold no work, back."""
        index = self.entries.index(entry)
        survivors = [
            e
            for e in self.entries[index + 1 :]
            if e.owner is not entry.owner and e.state is not State.DONE
        ]
        if self.aborted in self.entries[index:]:
            self.aborted = None
        del self.entries[index + 1 :]
        entry.wrote = entry.merged = entry.failed = False
        self.pending.append(f"ROLLBACK TO SAVEPOINT {name_at(index)}")
        for other in survivors:
            self._push(other)

    def _recover(self, owner: object) -> None:
        """Free the server's transaction from a failure of another connection.

        That connection can only roll back, so what it loses now it has lost anyway; it goes on to
        see a failed transaction.
        """
        failed = self.aborted
        if failed is not None and failed.owner is not owner:
            self._undo_to(failed)
            failed.failed = True
