"""The stack of savepoints on the server, and who has changed something in which of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pytest_oneloop.sandbox.entries import Entry, State

if TYPE_CHECKING:
    from collections.abc import Sequence


_PREFIX: Final = "oneloop_"


def name_at(index: int) -> str:
    """Return the name of the savepoint at a place in the stack, from 0."""
    return f"{_PREFIX}{index + 1}"


@dataclass(slots=True)
class Savepoints:
    """Savepoints, from the bottom up, named by their place; what is done to them is `pending`.

    Attributes:
        pending: SQL that must reach the server before the next statement, in order.
        entries: From the bottom up.
        aborted: The entry in which the server's transaction has failed, or `None`. It is the
            uppermost, and nothing of others lies in it.
    """

    pending: list[str] = field(default_factory=lambda: ["BEGIN"])
    entries: list[Entry] = field(default_factory=list)
    aborted: Entry | None = None

    def owned(self, owner: object) -> list[Entry]:
        """Return the owner's entries that are not done, from the bottom up."""
        return [e for e in self.entries if e.owner is owner and e.state is not State.DONE]

    def innermost(self, owner: object) -> Entry | None:
        """Return the owner's uppermost entry that is not done."""
        for entry in reversed(self.entries):
            if entry.owner is owner and entry.state is not State.DONE:
                return entry
        return None

    def worked(self, entries: Sequence[Entry]) -> bool:
        """Whether anything was changed in these entries that a rollback of them must undo."""
        return any(not e.works.isdisjoint(entries) for e in self.entries)

    def work(self, entry: Entry | None) -> None:
        """Note that something was changed: for an entry, or, with `None`, for good."""
        if self.entries:
            self.entries[-1].works.add(entry)

    def inside(self, entry: Entry) -> list[Entry]:
        """Return what a `ROLLBACK TO` an entry would take along, itself included."""
        return self.entries[self.entries.index(entry) :]

    def push(self, entry: Entry) -> None:
        """Make a savepoint on top."""
        self._make(len(self.entries))
        self.entries.append(entry)

    def keep(self, closing: Sequence[Entry]) -> None:
        """End an owner's uppermost entries and keep their work; release what nothing lies upon.

        The work goes over to the owner's next entry below, or is committed.
        """
        if not closing:
            return
        own = self.owned(closing[0].owner)
        place = own.index(closing[0])
        heir = own[place - 1] if place else None
        for entry in self.entries:
            if not entry.works.isdisjoint(closing):
                entry.works.difference_update(closing)
                entry.works.add(heir)
        if heir is not None:
            heir.raw |= any(e.raw for e in closing)
        for entry in closing:
            entry.state = State.DONE
        released = False
        while self.entries and self.entries[-1].state is State.DONE:
            top = self.entries.pop()
            released = True
            if self.entries:
                self.entries[-1].works |= top.works
        if released:
            # Releasing a savepoint releases those above it too.
            self._release(len(self.entries))

    def undo_to(self, entry: Entry, owner: object) -> None:
        """Undo the owner's work down to an entry; put the savepoints of others above it back."""
        index = self.entries.index(entry)
        above = self.entries[index + 1 :]
        if self.aborted in self.entries[index:]:
            self.aborted = None
        del self.entries[index + 1 :]
        entry.works.clear()
        self._roll_back(index)
        for other in above:
            if other.owner is not owner and other.state is not State.DONE:
                other.works.clear()
                self.push(other)

    # -- SQL, without what the next command makes void -------------------------------------------

    def _make(self, index: int) -> None:
        self.pending.append(f"SAVEPOINT {name_at(index)}")

    def _release(self, index: int) -> None:
        while self._above(index) and not self.pending[-1].startswith("ROLLBACK"):
            self.pending.pop()
        if self.pending[-1:] == [f"SAVEPOINT {name_at(index)}"]:
            self.pending.pop()
        else:
            self.pending.append(f"RELEASE SAVEPOINT {name_at(index)}")

    def _roll_back(self, index: int) -> None:
        while self._above(index):
            self.pending.pop()
        sql = f"ROLLBACK TO SAVEPOINT {name_at(index)}"
        if self.pending[-1:] not in ([sql], [f"SAVEPOINT {name_at(index)}"]):
            self.pending.append(sql)

    def _above(self, index: int) -> bool:
        """Whether the last command is about a savepoint above a place."""
        if not self.pending:
            return False
        place = self.pending[-1].rpartition(f"SAVEPOINT {_PREFIX}")[2]
        return place.isdecimal() and int(place) > index + 1
