"""What the stack of virtual transactions is compared with: a server, and the ideal.

`SimulatedServer` beside it does what PostgreSQL does with savepoints. `Ideal` is what the
application would have with a connection of its own for each transaction. `Twins` leads one
sequence of events to both, in the way in which the sandbox leads statements, and compares.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_oneloop.sandbox.entries import Effect, Entry, InterleavedError, State
from pytest_oneloop.sandbox.transactions import Transactions
from tools.simulated_server import SimulatedServer

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS = (
    "reserve",
    "read",
    "write",
    "fail",
    "unsent",
    "commit",
    "rollback",
    "savepoint",
    "release",
    "rollback_to",
    "standalone write",
    "standalone fail",
)
"""What an owner can do. `standalone`: with the isolation level of autocommit."""


@dataclass
class IdealTransaction:
    """One owner's own transaction on a connection of its own."""

    levels: list[tuple[str, set[int]]] = field(default_factory=lambda: [("", set())])
    failed: bool = False

    @property
    def writes(self) -> set[int]:
        return set().union(*(writes for _, writes in self.levels))


@dataclass
class Ideal:
    """What is in the database when everybody has a connection of their own."""

    committed: set[int] = field(default_factory=set)
    open: dict[int, IdealTransaction] = field(default_factory=dict)

    @property
    def certain(self) -> set[int]:
        """What is committed, or may still be."""
        return self.committed.union(
            *(
                writes
                for transaction in self.open.values()
                for _, writes in transaction.levels[: -1 if transaction.failed else None]
            )
        )

    @property
    def doomed(self) -> set[int]:
        """What a failed transaction has written: nobody may count on it."""
        return set().union(*(t.levels[-1][1] for t in self.open.values() if t.failed))


class Twins:
    """The machine on a simulated server, and the ideal, given the same events."""

    def __init__(self) -> None:
        self.machine = Transactions()
        self.server = SimulatedServer()
        self.ideal = Ideal()
        self.writes = 0
        self.refusals = 0

    def can(self, owner: int, event: str) -> bool:
        """Whether the sandbox would ever send this event to the machine."""
        mine = self.ideal.open.get(owner)
        if event.startswith("standalone"):
            return not self.machine.owned(owner)
        if event == "savepoint":
            return mine is None or (not mine.failed and len(mine.levels) < 3)
        if event == "release":
            return mine is not None and not mine.failed and len(mine.levels) > 1
        if event == "rollback_to":
            return mine is not None and len(mine.levels) > 1
        return True

    def do(self, owner: int, event: str) -> None:
        """Give one event to both, and compare."""
        match event:
            case "read" | "write" | "fail" | "unsent":
                self._statement(owner, event)
            case "standalone write" | "standalone fail":
                self._standalone(owner, fails=event == "standalone fail")
            case _:
                getattr(self, f"_{event}")(owner)
        self.compare()

    def compare(self) -> None:
        """Assert that nothing is lost, and nothing is there that should not be."""
        server = copy.deepcopy(self.server)
        for sql in self.machine.pending:
            server.run(sql)
        missing = self.ideal.certain - server.content
        assert not missing, f"lost: {missing}"
        extra = server.content - self.ideal.certain - self.ideal.doomed
        assert not extra, f"not rolled back: {extra}"
        assert len(self.machine.pending) <= 4 + 3 * len(self.machine.entries)
        names = [name for name, _ in server.levels[1:]]
        assert [n for n in names if n.startswith("oneloop_")] == names

    def key(self) -> object:
        """Return what tells this state from others; writes with the same fate are one."""
        at = {
            number: depth
            for depth, (_, writes) in enumerate(self.server.levels)
            for number in writes
        }
        fates: set[object] = {(at.get(n), "committed") for n in self.ideal.committed}
        for owner, transaction in self.ideal.open.items():
            for depth, (_, writes) in enumerate(transaction.levels):
                fates |= {(at.get(n), owner, depth) for n in writes}
        entries = self.machine.entries
        places = {entry: place for place, entry in enumerate(entries)}
        return (
            tuple(
                (
                    *(e.owner, e.name, e.state, e.failed, e is self.machine.aborted),
                    frozenset(None if w is None else places[w] for w in e.works),
                )
                for e in entries
            ),
            tuple(self.machine.pending),
            tuple(name for name, _ in self.server.levels),
            self.server.failed,
            frozenset(fates),
            frozenset((o, len(t.levels), t.failed) for o, t in self.ideal.open.items()),
        )

    # -- as the sandbox does it ------------------------------------------------------------------

    def _flush(self) -> None:
        for sql in self.machine.pending:
            self.server.run(sql)
        self.machine.pending.clear()

    def _statement(self, owner: int, event: str) -> None:
        effect = Effect.READ if event == "read" else Effect.WRITE
        mine = self.ideal.open.setdefault(owner, IdealTransaction())
        plan = self.machine.statement(owner, effect)
        self._flush()
        if event == "unsent":
            self.machine.not_sent(plan)
            return
        if plan.poison:
            self.server.failed = True
        assert self.server.failed == mine.failed, "failed for the wrong owner"
        if mine.failed:
            self.machine.failed_on_server(plan)
        elif event == "fail":
            self.server.failed = mine.failed = True
            self.machine.failed_on_server(plan)
        else:
            if event == "write":
                self.writes += 1
                self.server.write(self.writes)
                mine.levels[-1][1].add(self.writes)
            self.machine.succeeded(plan)

    def _standalone(self, owner: int, *, fails: bool) -> None:
        plan = self.machine.statement(owner, Effect.WRITE, autocommit=True)
        self._flush()
        assert not self.server.failed, "failed for the wrong owner"
        if fails:
            self.server.failed = True
            self.machine.failed_on_server(plan)
        else:
            self.writes += 1
            self.server.write(self.writes)
            self.ideal.committed.add(self.writes)
            self.machine.succeeded(plan)

    def _reserve(self, owner: int) -> None:
        self.machine.reserve(owner)
        self._flush()

    def _savepoint(self, owner: int) -> None:
        self.machine.savepoint(owner, "s")
        self.ideal.open.setdefault(owner, IdealTransaction()).levels.append(("s", set()))

    def _commit(self, owner: int) -> None:
        if self._end(owner, lambda: self.machine.commit(owner)):
            gone = self.ideal.open.pop(owner, None)
            if gone is not None and not gone.failed:
                self.ideal.committed |= gone.writes

    def _rollback(self, owner: int) -> None:
        if self._end(owner, lambda: self.machine.rollback(owner)):
            self.ideal.open.pop(owner, None)

    def _release(self, owner: int) -> None:
        self.machine.release(self._find(owner))
        levels = self.ideal.open[owner].levels
        _, writes = levels.pop()
        levels[-1][1].update(writes)

    def _rollback_to(self, owner: int) -> None:
        entry = self._find(owner)
        if self._end(owner, lambda: self.machine.rollback_to(entry), entry):
            self.ideal.open[owner].levels[-1][1].clear()
            self.ideal.open[owner].failed = False

    def _find(self, owner: int) -> Entry:
        entry = self.machine.find(owner, "s")
        assert entry is not None
        return entry

    def _end(self, owner: int, move: Callable[[], None], since: Entry | None = None) -> bool:
        """Try to end something; if that is refused, assert that it was impossible."""
        before = self._visible()
        try:
            move()
        except InterleavedError as error:
            self.refusals += 1
            assert self._visible() == before, "a refusal changed something"
            self._assert_impossible(owner, error, since)
            return False
        return True

    def _visible(self) -> object:
        machine = self.machine
        entries = [
            (e.owner, e.name, e.state, e.failed or e is machine.aborted) for e in machine.entries
        ]
        return entries, sorted(self.server.content), sorted(self.ideal.certain)

    def _assert_impossible(self, owner: int, error: InterleavedError, since: Entry | None) -> None:
        """Assert that no `ROLLBACK TO` separates the owner's writes from those of others."""
        transaction = self.ideal.open[owner]
        depth = 0
        if since is not None:
            depth = len(transaction.levels) - 1
        mine = set().union(*(writes for _, writes in transaction.levels[depth:]))
        assert mine, "nothing to undo"
        server = copy.deepcopy(self.server)
        for sql in self.machine.pending:
            server.run(sql)
        levels = server.levels
        first = next(i for i, (_, writes) in enumerate(levels) if writes & mine)
        lost = set().union(*(writes for _, writes in levels[first:]))
        assert lost & ((self.ideal.certain | self.ideal.doomed) - mine), "it was possible"
        assert all(e.owner != owner and e.state is not State.DONE for e in error.others)
