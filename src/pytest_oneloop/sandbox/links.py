"""The real connections of the process: one for each driver and event loop."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Final, Protocol

from pytest_oneloop.sandbox import greenlets
from pytest_oneloop.sandbox.alone import Alone
from pytest_oneloop.sandbox.homes import Here, Home, HostLoop
from pytest_oneloop.sandbox.ids import Ids
from pytest_oneloop.sandbox.link import Link

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import AsyncGenerator, Callable

    from sqlalchemy.engine import Dialect

    from pytest_oneloop.sandbox.ids import Restart
    from pytest_oneloop.sandbox.outer import Constraints
    from pytest_oneloop.sandbox.wishes import Wish

    _Ending = Callable[[], None]
    _Slot = tuple[str, str, AbstractEventLoop | None]

_PARTING: Final = 1.0
"""Seconds for a connection to close with its loop; it takes a message."""


class Target(Protocol):
    """A database that engines are led to."""

    @property
    def key(self) -> str:
        """Which one it is: `postgresql`, or `postgresql:analytics`."""

    @property
    def constraints(self) -> Constraints:
        """The deferrable constraints of its schema."""

    @property
    def ids(self) -> Restart:
        """What lets its sequences start over."""

    def connect_arguments(self, dialect: Dialect, given: dict[str, Any]) -> dict[str, Any]:
        """Return what the dialect's `connect` takes to get there.

        Args:
            dialect: The engine's.
            given: What it would have taken to where the application points.
        """


class Links:
    """Opens real connections when they are first needed, and closes them.

    Args:
        provide: Makes the worker's database for a key, at the first call; may block for seconds.

    Attributes:
        alone: Lets one end what earlier tests have left, while others wait.
        opened: How many were opened so far.
    """

    def __init__(self, provide: Callable[[str], Target]) -> None:
        self._provide = provide
        self._links: dict[_Slot, Link] = {}
        self._opening: dict[_Slot, asyncio.Future[None]] = {}
        self._guard = threading.Lock()
        self._host: HostLoop | None = None
        self._closers: set[AsyncGenerator[None]] = set()
        self._abandoned: list[Link] = []
        self._ids: dict[str, Ids] = {}
        self.alone = Alone()
        self.opened = 0

    def find(self, wish: Wish, *, hosted: bool) -> tuple[Link, Home]:
        """Return the real connection for the running loop; open it if there is none yet.

        Args:
            wish: What an engine wants.
            hosted: The running test's loops may come and go.
        """
        __tracebackhide__ = True
        if not wish.dialect.is_async:
            with self._guard:
                alive = self._alive((wish.key, wish.name, None))
                return alive or self._open(wish, None), Here()
        host = self._hosts(hosted=hosted)
        home: Home = host or Here()
        loop = host.loop if host else asyncio.get_running_loop()
        alive = self._alive((wish.key, wish.name, loop))
        return alive or home.call(self._open_once, wish, loop), home

    def ids(self, key: str) -> Ids:
        """Return the sequences of a worker's database."""
        return self._ids.setdefault(key, Ids())

    def serves(self, link: Link, *, hosted: bool) -> bool:
        """Whether a connection is the one that the running loop is to have."""
        loop = None
        if link.loop is not None:
            host = self._hosts(hosted=hosted)
            loop = host.loop if host else asyncio.get_running_loop()
        return self._alive((link.key, link.name, loop)) is link

    def lingering(self, link: Link | None, key: str = "") -> list[Link]:
        """Return the other connections that are still in the transaction of an earlier test.

        Args:
            link: The one that others are beside of; its database is meant.
            key: Which database is meant, without a link; all, if left out.
        """
        self._abandon()
        key = key if link is None else link.key
        return [
            other
            for other in [*self._links.values(), *self._abandoned]
            if other is not link and other.lingers and not other.dead and not other.bases
            if key in ("", other.key)
        ]

    def leave_lingering(self, *, waits: bool) -> None:
        """End what is left of an earlier test's transaction, where it can be. A message each.

        Args:
            waits: The caller can wait on the running loop.
        """
        if not self.lingering(None):
            return
        loop = greenlets.running_loop() if waits else None
        with self.alone.entered(waits=waits):
            for link in self.lingering(None):
                if link.loop in (None, loop) and not link.abandoned:
                    link.leave()

    def give_up_lingering(self, key: str) -> list[Link]:
        """Use the connections no more that are still in the transaction of an earlier test.

        Returns:
            These connections, which somebody has to end.
        """
        lingering = self.lingering(None, key)
        for link in lingering:
            link.channel.dead = True
        return lingering

    def holding(self, key: str = "") -> list[Link]:
        """Return those that hold rows for several tests: in one database, or in any."""
        return [
            link
            for link in self._links.values()
            if link.bases and not link.dead and key in ("", link.key)
        ]

    def living(self) -> list[tuple[str, AbstractEventLoop | None]]:
        """Return the label and the loop of each connection that is open."""
        return [(link.label, link.loop) for link in self._links.values() if not link.dead]

    def escaped(self) -> bool:
        """Whether the transaction of a test was ended by a driver's own means."""
        return any(link.escaped for link in self._links.values())

    def forget_dead(self) -> None:
        """Drop those that have ended."""
        self._abandon()
        self._links = {slot: link for slot, link in self._links.items() if not link.dead}
        self._abandoned = [link for link in self._abandoned if not link.dead]

    def lose(self, key: str) -> None:
        """Drop those to a database; close the ones that can be closed without a loop."""
        for link in [*self._links.values(), *self._abandoned]:
            if link.key != key:
                continue
            if link.loop is None and not link.dead:
                link.close()
            link.channel.dead = True
        self.forget_dead()

    def abandon(self, link: Link) -> None:
        """Leave a connection to the statement that a test has left running on it."""
        link.abandoned = True
        self._links.pop((link.key, link.name, link.loop), None)
        self._abandoned.append(link)

    def close(self) -> None:
        """Close the ones that no loop of the application closes."""
        if self._host is not None:
            self._host.close()
        self._abandon()
        for link in self._links.values():
            if link.loop is None and not link.dead:
                link.close()
        self._links.clear()

    async def close_with_loop(self, close: _Ending, abandon: _Ending = lambda: None) -> None:
        """Have a connection closed before the running loop closes.

        Whoever runs the loop calls `shutdown_asyncgens`, which ends a generator that waits.

        Args:
            close: Closes it; may wait for a statement in which Ctrl-C has ended a test.
            abandon: Ends it without a word to the server, if it has not closed within a second.
        """

        async def wait() -> AsyncGenerator[None]:
            try:
                yield
            finally:
                self._closers.discard(closer)
                try:
                    async with asyncio.timeout(_PARTING):
                        await greenlets.run(close)
                except TimeoutError:
                    abandon()

        closer = wait()
        await anext(closer)
        self._closers.add(closer)

    # -- inside --------------------------------------------------------------------------------

    def _hosts(self, *, hosted: bool) -> HostLoop | None:
        away = threading.current_thread() is not threading.main_thread()
        if not (hosted or away):
            return None
        with self._guard:
            if self._host is None:
                self._host = HostLoop()
            return self._host

    def _abandon(self) -> None:
        for link in list(self._links.values()):
            link.abandon()

    def _alive(self, slot: _Slot) -> Link | None:
        link = self._links.get(slot)
        return None if link is None or link.dead else link

    def _open_once(self, wish: Wish, loop: AbstractEventLoop) -> Link:
        """Open a connection on its loop; tasks that arrive together wait for the first."""
        __tracebackhide__ = True
        slot = (wish.key, wish.name, loop)
        while slot in self._opening:
            greenlets.wait_for(asyncio.wait((self._opening[slot],)))
        # Nobody has opened it either if the first was cancelled, or failed; so try as it did.
        link = self._alive(slot)
        if link is not None:
            return link
        opening = self._opening[slot] = loop.create_future()
        try:
            return self._open(wish, loop)
        finally:
            del self._opening[slot]
            opening.set_result(None)

    def _open(self, wish: Wish, loop: AbstractEventLoop | None) -> Link:
        __tracebackhide__ = True
        target = self._provide(wish.key)
        if loop is None:
            return self._connect(wish, target, None)
        # Whoever waits for it may be cancelled, and a driver may then leave half of one behind.
        connecting = greenlets.run(self._connect, wish, target, loop)
        return greenlets.wait_for(greenlets.unbroken(connecting))

    def _connect(self, wish: Wish, target: Target, loop: AbstractEventLoop | None) -> Link:
        __tracebackhide__ = True
        real = wish.dialect.connect(**target.connect_arguments(wish.dialect, wish.wanted))
        try:
            wish.dialect.set_isolation_level(real, "AUTOCOMMIT")
        except BaseException:
            real.close()
            raise
        self.opened += 1
        ids = self.ids(wish.key)
        ids.restart = target.ids
        link = Link(
            real,
            wish.driver(real),
            key=wish.key,
            name=wish.name,
            loop=loop,
            constraints=target.constraints,
            ids=ids,
        )
        self._links[wish.key, wish.name, loop] = link
        if loop is not None:
            greenlets.wait_for(self.close_with_loop(link.close, link.driver.abandon))
        return link
