"""Who uses a connection, from checkout to checkin, and who is related to whom."""

from __future__ import annotations

import asyncio
import sys
import weakref
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from greenlet import getcurrent

from pytest_oneloop.sandbox.clock import Clock

if TYPE_CHECKING:
    from types import FrameType

    from pytest_oneloop.sandbox.sandbox import Sandbox

HELD: Final[ContextVar[tuple[Checkout, ...]]] = ContextVar("oneloop_held", default=())
"""The checkouts that this task, or a task that it was started from, has made."""

REQUEST: Final[ContextVar[object]] = ContextVar("oneloop_request", default=None)
"""Stands for the request that this task works for; `None` outside of any."""

_PASSED_OVER: Final = ("pytest_oneloop.", "sqlalchemy.", "asyncio.", "contextlib", "weakref")


@dataclass(frozen=True, slots=True)
class Origin:
    """A line of code; as text, `file:line` below the working directory."""

    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        if not self.file:
            return "an unknown place"
        path = Path(self.file)
        shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        return f"{shown}:{self.line}"


@dataclass(slots=True, eq=False, weakref_slot=True)
class Checkout:
    """One use of a connection, from checkout to checkin.

    Attributes:
        sandbox: The test's sandbox that it belongs to.
        origin: Where the application checked it out.
        task: The task that did, if any.
        request: The request that it works for, if any.
        line: The task that did, and those that anyio started it from, by their numbers.
        open: Not yet checked in.
        busy: A statement of it is running.
        used_at: When its last statement ended, by `Clock.now()`.
        settings: What the settings were that its transaction has set for itself.
        passed: Others have waited for it in vain, and wait no more.
    """

    sandbox: Sandbox
    origin: Origin = field(default_factory=lambda: origin())  # noqa: PLW0108 - defined below
    task: weakref.ref[asyncio.Task[object]] | None = field(
        default_factory=lambda: _task()  # noqa: PLW0108 - defined below
    )
    request: object = field(default_factory=REQUEST.get)
    line: tuple[int, ...] = field(
        default_factory=lambda: _line()  # noqa: PLW0108 - defined below
    )
    open: bool = True
    busy: bool = False
    used_at: float = field(default_factory=Clock.now)
    settings: dict[str, str] = field(default_factory=dict)
    passed: bool = False

    def hold(self) -> None:
        """Note in the context that this task, and those that it starts, are related to it."""
        HELD.set((*(c for c in HELD.get() if c.open), self))

    def rest(self) -> None:
        """Note that its statement has ended."""
        self.busy = False
        self.used_at = Clock.now()

    def is_kin(self, other: Checkout) -> bool:
        """Whether both work for one request, so that the one may wait for the other's end.

        A middleware runs the application in a task of its own, and may write while that task's
        transaction is still open: by what anyio knows of tasks, one is started from the other.
        """
        if self.request is not None and self.request is other.request:
            return True
        return self.line[:1] != () and (
            self.line[0] in other.line or (other.line[:1] != () and other.line[0] in self.line)
        )

    @property
    def orphaned(self) -> bool:
        """Whether the task that made it has ended, so that it cannot be waited for."""
        task = self.task() if self.task is not None else None
        return self.task is not None and (task is None or task.done())


def _task() -> weakref.ref[asyncio.Task[object]] | None:
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return None
    return None if task is None else weakref.ref(task)


def _line() -> tuple[int, ...]:
    """Return the running task, and the tasks that it was started from, as anyio tells them."""
    anyio = sys.modules.get("anyio")
    if anyio is None or _task() is None:
        return ()
    task = anyio.get_current_task()
    line = [task.id]
    if task.parent_id is not None:
        parents = {other.id: other.parent_id for other in anyio.get_running_tasks()}
        parent = task.parent_id
        while parent is not None and parent not in line:
            line.append(parent)
            parent = parents.get(parent)
    return tuple(line)


def origin() -> Origin:
    """Find the code nearest to us that is neither ours nor SQLAlchemy's.

    SQLAlchemy runs us in a greenlet, whose parent holds the frames of the application.
    """
    here = _nearest(sys._getframe(1))  # noqa: SLF001 - documented; inspect.stack() reads files
    parent = getcurrent().parent
    if here is None and parent is not None:
        here = _nearest(parent.gr_frame)
    return Origin() if here is None else Origin(here.f_code.co_filename, here.f_lineno)


def _nearest(frame: FrameType | None) -> FrameType | None:
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith(_PASSED_OVER):
            return frame
        frame = frame.f_back
    return None
