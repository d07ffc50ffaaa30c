"""One statement at a time: the gate before a real connection.

A gate is a lock, first come first served, and a bell that rings when something has changed for
those who wait for their turn. There is one kind for event loops and one for threads.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import TYPE_CHECKING, Protocol

from pytest_oneloop.sandbox.clock import Clock
from pytest_oneloop.sandbox.greenlets import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable


class Gate(Protocol):
    """What both kinds can do."""

    @property
    def closed(self) -> bool:
        """Whether somebody is inside."""

    def enter(self, deadline: float) -> None:
        """Wait for the gate to be free, and close it behind oneself.

        Args:
            deadline: Seconds to wait at most.

        Raises:
            TimeoutError: It was not free in time.
        """

    def try_enter(self) -> bool:
        """Enter if that needs no waiting."""

    def leave(self) -> None:
        """Open the gate for the next."""

    def ring(self) -> None:
        """Wake all who listen."""

    def listen(self, seconds: float) -> None:
        """Wait for the bell, at most so long. Called outside the gate."""

    def soon(self, action: Callable[[], None]) -> None:
        """Run an action that needs no I/O inside the gate: now, or when the gate opens next."""

    def touch(self) -> None:
        """Await something that is done already, in the place of a statement that is not sent.

        SQLAlchemy takes an asynchronous driver whose `execute` awaits nothing for a wrong one.
        """


class AsyncGate:
    """The gate of a connection that belongs to an event loop; used from that loop alone."""

    def __init__(self) -> None:
        self._closed = False
        self._queue: deque[asyncio.Future[None]] = deque()
        self._listeners: list[asyncio.Future[None]] = []
        self._actions: list[Callable[[], None]] = []

    @property
    def closed(self) -> bool:
        """Whether somebody is inside."""
        return self._closed

    def enter(self, deadline: float) -> None:
        """Wait for the gate to be free, and close it behind oneself."""
        if not self.try_enter():
            wait_for(self._queue_up(deadline))

    async def _queue_up(self, deadline: float) -> None:
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        try:
            async with asyncio.timeout(deadline):
                await place
        except BaseException:
            if place.done() and not place.cancelled():
                # The gate was handed over in the very moment of the interruption.
                self.leave()
            elif place in self._queue:
                self._queue.remove(place)
            raise

    def try_enter(self) -> bool:
        """Enter if that needs no waiting."""
        if self._closed:
            return False
        self._closed = True
        return True

    def leave(self) -> None:
        """Hand the gate to the next in the queue, or open it."""
        while self._actions:
            self._actions.pop(0)()
        while self._queue:
            place = self._queue.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._closed = False

    def ring(self) -> None:
        """Wake all who listen."""
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            if not listener.done():
                listener.set_result(None)

    @property
    def listeners(self) -> int:
        """How many wait for the bell."""
        return len(self._listeners)

    def listen(self, seconds: float) -> None:
        """Wait for the bell, at most so long."""
        wait_for(self._listen(seconds))

    async def _listen(self, seconds: float) -> None:
        bell: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listeners.append(bell)
        try:
            if Clock.is_frozen():
                await _ring_in(bell, seconds)
            else:
                await asyncio.wait((bell,), timeout=seconds)
        finally:
            if bell in self._listeners:
                self._listeners.remove(bell)

    def soon(self, action: Callable[[], None]) -> None:
        """Run an action inside the gate: now, or when the gate opens next."""
        if not self.try_enter():
            self._actions.append(action)
            return
        try:
            action()
        finally:
            self.leave()

    def touch(self) -> None:
        """Await something that is done already."""
        wait_for(_nothing())


async def _nothing() -> None:
    """Be done at once."""


async def _ring_in(bell: asyncio.Future[None], seconds: float) -> None:
    """Wait for a bell by the real time, where the loop's timers stand still."""
    loop = asyncio.get_running_loop()

    def ring() -> None:
        if not bell.done():
            bell.set_result(None)

    timer = threading.Timer(seconds, loop.call_soon_threadsafe, (ring,))
    timer.daemon = True
    timer.start()
    try:
        await bell
    finally:
        timer.cancel()


class ThreadGate:
    """The gate of a connection that threads share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bell = threading.Condition()
        self._actions: deque[Callable[[], None]] = deque()

    @property
    def closed(self) -> bool:
        """Whether somebody is inside."""
        return self._lock.locked()

    def enter(self, deadline: float) -> None:
        """Wait for the gate to be free, and close it behind oneself."""
        if not self._lock.acquire(timeout=deadline):
            raise TimeoutError
        self._act()

    def try_enter(self) -> bool:
        """Enter if that needs no waiting."""
        entered = self._lock.acquire(blocking=False)
        if entered:
            self._act()
        return entered

    def leave(self) -> None:
        """Open the gate."""
        self._act()
        self._lock.release()

    def ring(self) -> None:
        """Wake all who listen."""
        with self._bell:
            self._bell.notify_all()

    def listen(self, seconds: float) -> None:
        """Wait for the bell, at most so long."""
        with self._bell:
            self._bell.wait(seconds)

    def soon(self, action: Callable[[], None]) -> None:
        """Run an action inside the gate: now, or with whoever is inside or comes next.

        Never waits: the garbage collector may call it, in the thread that is inside.
        """
        self._actions.append(action)
        if self.try_enter():
            self.leave()

    def touch(self) -> None:
        """Do nothing: nobody awaits here."""

    def _act(self) -> None:
        while self._actions:
            self._actions.popleft()()
