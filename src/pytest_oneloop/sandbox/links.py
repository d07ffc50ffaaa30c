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

    from pytest_oneloop.sandbox.drivers import Driver
    from pytest_oneloop.sandbox.ids import Restart
    from pytest_oneloop.sandbox.outer import Constraints

    _Ending = Callable[[], None]

_PARTING: Final = 1.0
"""Seconds for a connection to close with its loop; it takes a message."""


class Target(Protocol):
    """A database that engines of one dialect are led to."""

    @property
    def dialect(self) -> str:
        """The name of SQLAlchemy's dialect: `postgresql`."""

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
        provide: Makes the worker's database for a dialect, given by its name, at the first call;
            may block for seconds.

    Attributes:
        alone: Lets one end what earlier tests have left, while others wait.
        opened: How many were opened so far.
    """

    def __init__(self, provide: Callable[[str], Target]) -> None:
        self._provide = provide
        self._links: dict[tuple[str, AbstractEventLoop | None], Link] = {}
        self._opening: dict[tuple[str, AbstractEventLoop], asyncio.Future[None]] = {}
        self._guard = threading.Lock()
        self._host: HostLoop | None = None
        self._closers: set[AsyncGenerator[None]] = set()
        self._abandoned: list[Link] = []
        self._ids: dict[str, Ids] = {}
        self.alone = Alone()
        self.opened = 0

    def find(
        self, dialect: Dialect, driver: type[Driver], parameters: dict[str, Any], *, hosted: bool
    ) -> tuple[Link, Home]:
        """Return the real connection for the running loop; open it if there is none yet.

        Args:
            dialect: The engine's.
            driver: The class of its driver.
            parameters: What it would have connected with.
            hosted: The running test's loops may come and go.
        """
        __tracebackhide__ = True
        name = f"{dialect.name}+{dialect.driver}"
        if not dialect.is_async:
            with self._guard:
                link = self._alive(name, None)
                if link is None:
                    link = self._open(dialect, driver, parameters, None)
            return link, Here()
        host = self._hosts(hosted=hosted)
        home: Home = host or Here()
        loop = host.loop if host else asyncio.get_running_loop()
        link = self._alive(name, loop)
        if link is None:
            link = home.call(self._open_once, dialect, driver, parameters, loop)
        return link, home

    def ids(self, dialect: str) -> Ids:
        """Return the sequences of the worker's database for a dialect."""
        return self._ids.setdefault(dialect, Ids())

    def serves(self, link: Link, *, hosted: bool) -> bool:
        """Whether a connection is the one that the running loop is to have."""
        loop = None
        if link.loop is not None:
            host = self._hosts(hosted=hosted)
            loop = host.loop if host else asyncio.get_running_loop()
        return self._alive(link.name, loop) is link

    def lingering(self, link: Link | None, dialect: str = "") -> list[Link]:
        """Return the other connections that are still in the transaction of an earlier test.

        Args:
            link: The one that others are beside of; its dialect is meant.
            dialect: Which dialect is meant, without a link; all, if left out.
        """
        self._abandon()
        dialect = dialect if link is None else link.dialect
        return [
            other
            for other in [*self._links.values(), *self._abandoned]
            if other is not link and other.lingers and not other.dead and not other.bases
            if other.dialect == dialect or not dialect
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

    def give_up_lingering(self, dialect: str) -> list[Link]:
        """Use the connections no more that are still in the transaction of an earlier test.

        Returns:
            These connections, which somebody has to end.
        """
        lingering = self.lingering(None, dialect)
        for link in lingering:
            link.channel.dead = True
        return lingering

    def holding(self) -> list[Link]:
        """Return those that hold rows for several tests."""
        return [link for link in self._links.values() if link.bases and not link.dead]

    def living(self) -> list[tuple[str, AbstractEventLoop | None]]:
        """Return the name and the loop of each connection that is open."""
        return [key for key, link in self._links.items() if not link.dead]

    def escaped(self) -> bool:
        """Whether the transaction of a test was ended by a driver's own means."""
        return any(link.escaped for link in self._links.values())

    def forget_dead(self) -> None:
        """Drop those that have ended."""
        self._abandon()
        self._links = {key: link for key, link in self._links.items() if not link.dead}
        self._abandoned = [link for link in self._abandoned if not link.dead]

    def lose(self, dialect: str) -> None:
        """Drop those of a dialect; close the ones that can be closed without a loop."""
        for link in [*self._links.values(), *self._abandoned]:
            if link.dialect != dialect:
                continue
            if link.loop is None and not link.dead:
                link.close()
            link.channel.dead = True
        self.forget_dead()

    def abandon(self, link: Link) -> None:
        """Leave a connection to the statement that a test has left running on it."""
        link.abandoned = True
        self._links.pop((link.name, link.loop), None)
        self._abandoned.append(link)

    def close(self) -> None:
        """Close the ones that no loop of the application closes."""
        if self._host is not None:
            self._host.close()
        self._abandon()
        for (_, loop), link in self._links.items():
            if loop is None and not link.dead:
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

    def _alive(self, name: str, loop: AbstractEventLoop | None) -> Link | None:
        link = self._links.get((name, loop))
        return None if link is None or link.dead else link

    def _open_once(
        self,
        dialect: Dialect,
        driver: type[Driver],
        parameters: dict[str, Any],
        loop: AbstractEventLoop,
    ) -> Link:
        """Open a connection on its loop; tasks that arrive together wait for the first."""
        __tracebackhide__ = True
        key = (f"{dialect.name}+{dialect.driver}", loop)
        while key in self._opening:
            greenlets.wait_for(asyncio.wait((self._opening[key],)))
        # Nobody has opened it either if the first was cancelled, or failed; so try as it did.
        link = self._alive(*key)
        if link is not None:
            return link
        opening = self._opening[key] = loop.create_future()
        try:
            link = self._open(dialect, driver, parameters, loop)
            greenlets.wait_for(self.close_with_loop(link.close, link.driver.abandon))
            return link
        finally:
            del self._opening[key]
            opening.set_result(None)

    def _open(
        self,
        dialect: Dialect,
        driver: type[Driver],
        parameters: dict[str, Any],
        loop: AbstractEventLoop | None,
    ) -> Link:
        __tracebackhide__ = True
        target = self._provide(dialect.name)
        wanted = {name: parameters[name] for name in parameters.keys() - driver.unwanted}
        real = dialect.connect(**target.connect_arguments(dialect, wanted))
        try:
            dialect.set_isolation_level(real, "AUTOCOMMIT")
        except BaseException:
            real.close()
            raise
        self.opened += 1
        name = f"{dialect.name}+{dialect.driver}"
        self.ids(dialect.name).restart = target.ids
        link = Link(
            real,
            driver(real),
            name=name,
            loop=loop,
            constraints=target.constraints,
            ids=self.ids(dialect.name),
        )
        self._links[name, loop] = link
        return link
