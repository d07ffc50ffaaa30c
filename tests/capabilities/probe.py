"""One probe: something that a database can do, and how to see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from collections.abc import Set as AbstractSet

    from capabilities.desk import Desk

    Body = Callable[[Desk], Awaitable[Any]]


@dataclass(frozen=True)
class Probe:
    """A function that works on a database and returns what it has seen, `None` if it has none.

    Attributes:
        body: The function.
        words: What it is about, for the table.
        promise: What the plugin promises that it sees, whatever a database does without it;
            otherwise it must see what it sees there. It must survive JSON.
        again: It runs so many times, each time as a test of its own.
        lacking: The databases that have no such thing.
    """

    body: Body
    words: str
    promise: Any = None
    again: int = 1
    lacking: AbstractSet[str] = frozenset()

    @property
    def name(self) -> str:
        return self.body.__name__

    async def look(self, desk: Desk) -> Any:
        """Return what it sees there; `None` if the database has no such thing."""
        return None if desk.database in self.lacking else await self.body(desk)


def probe(
    words: str, *, promise: Any = None, again: int = 1, lacking: AbstractSet[str] = frozenset()
) -> Callable[[Body], Probe]:
    """Declare a function to be a probe; see `Probe`."""
    return lambda body: Probe(body, words, promise, again, lacking)
