"""What ran on one event loop: fixtures and tests, in their order."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import weakref
    from asyncio import AbstractEventLoop
    from collections.abc import Iterator

    from pytest_oneloop.loops.loopmap import Place
    from pytest_oneloop.loops.scopes import NamedScope

WIDTHS: Final = ("function", "class", "module", "package", "session")
"""Scopes, the narrowest first."""

_LAST: Final = 32
"""Steps of function scope that are kept of a loop, besides its first."""

_WIDE: Final = 256
"""Fixtures of a wider scope that are kept of a loop."""


class Origin(Protocol):
    """A fixture or a test, apart from any run of it. What costs time is asked for when needed."""

    @property
    def kind(self) -> str:
        """`fixture` or `test`."""

    @property
    def name(self) -> str:
        """The fixture's name, or the test's node id."""

    @property
    def scope(self) -> str:
        """The fixture's scope; `function` for a test."""

    def find_place(self) -> Place | None:
        """Return where it is written, if that is known."""

    def find_loop_scope(self) -> NamedScope | None:
        """Return its loop scope; `None` where its runner has no such word."""


@dataclass(slots=True, eq=False)
class Ran:
    """One fixture or test that runs, or ran, on a loop.

    Attributes:
        origin: What it is.
        test: The node id of the test that runs, or that asked for the fixture.
        scope: The origin's.
        started: Seconds of `time.perf_counter`.
        track: The loop.
        seconds: How long it took, without the teardown of a fixture; `None` while it runs.
    """

    origin: Origin
    test: str
    scope: str
    started: float
    track: Track
    seconds: float | None = None


@dataclass(slots=True, eq=False)
class Track:
    """One event loop, and what ran on it.

    Attributes:
        key: Unique in the record.
        loop: The loop, weakly.
        loop_scope: Its scope as the runner names it; `None` where the runner has no such word.
        test: The node id of the test in which it was first seen.
        scopes: The scopes of what ran on it.
        wide: Fixtures of a scope wider than `function`.
        last: The latest other steps.
        count: How many steps there were.
        all: Every step, where they are kept.
        first: The step that was first.
    """

    key: str
    loop: weakref.ref[AbstractEventLoop]
    loop_scope: NamedScope | None
    test: str
    scopes: set[str]
    wide: deque[Ran] = field(default_factory=lambda: deque(maxlen=_WIDE))
    last: deque[Ran] = field(default_factory=lambda: deque(maxlen=_LAST))
    count: int = 0
    all: list[Ran] = field(default_factory=list)
    first: Ran | None = None

    @property
    def scope(self) -> str:
        """How long it lives: its loop scope, or the widest scope of what ran on it."""
        if self.loop_scope:
            return self.loop_scope.scope
        return max(self.scopes, key=WIDTHS.index)

    @property
    def name(self) -> str:
        """What to call it: `the session loop`, `the loop of tests/test_users.py`."""
        return loop_name(self.scope, self.test)

    def steps(self) -> Iterator[Ran]:
        """Yield the steps that are kept, in order."""
        first = () if self.first is None else (self.first,)
        kept = {id(ran): ran for ran in (*first, *self.wide, *self.last, *self.all)}
        yield from sorted(kept.values(), key=lambda ran: ran.started)


def loop_name(scope: str, test: str) -> str:
    """Return what to call a loop.

    Args:
        scope: Its scope.
        test: The node id of a test that ran on it.
    """
    if scope == "session":
        return "the session loop"
    # A parameter may hold what separates the parts of a node id.
    path, *names = test.partition("[")[0].split("::")
    owner = {
        "package": path.rpartition("/")[0] or path,
        "module": path,
        "class": "::".join([path, *names[:-1]]),
    }
    return f"the loop of {owner.get(scope, test)}"
