"""The parts of the stack of virtual transactions: entries, effects, plans."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class State(enum.Enum):
    """How far an entry of the stack has come."""

    RESERVED = enum.auto()
    """Checked out from a pool; the application has sent nothing."""
    OPEN = enum.auto()
    """A transaction, or a savepoint in one, in progress."""
    DONE = enum.auto()
    """Committed; waits until those above it have ended."""


class Effect(enum.Enum):
    """What a statement may do to the database."""

    READ = enum.auto()
    WRITE = enum.auto()


@dataclass(slots=True, eq=False)
class Entry:
    """One savepoint of the stack: a frame, or a savepoint of the application inside one.

    Attributes:
        owner: The connection that it belongs to.
        name: The application's name of a savepoint; `None` for a frame.
        works: Whose changes lie in this savepoint of the server, and would be undone with it: an
            entry for those that it may still undo, `None` for those that are committed.
        raw: The driver's own connection was handed out, so its use cannot be seen.
        failed: As on the real server after an error: nothing works until it is rolled back.
    """

    owner: object
    name: str | None = None
    state: State = State.OPEN
    works: set[Entry | None] = field(default_factory=set)
    raw: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """How to run one statement.

    Attributes:
        guard: The place in the stack of the savepoint that protects others from its failure, or
            `None`.
        poison: The server must be made to refuse the statement, as it would on a connection whose
            transaction has failed.
    """

    owner: object
    effect: Effect
    guard: int | None = None
    poison: bool = False


class InterleavedError(Exception):
    """A rollback would take along what other connections did.

    Attributes:
        entry: The frame or savepoint that cannot be rolled back.
        others: The connections whose work lies inside it and is still open; may be empty, if
            all of them have committed.
    """

    def __init__(self, entry: Entry, others: list[Entry]) -> None:
        super().__init__(entry, others)
        self.entry = entry
        self.others = others
