"""Leads every engine of the process to the test database.

Two events of SQLAlchemy carry it, both listened to on the class, so that engines made before and
after are met alike: `do_connect`, where the plugin answers with a connection of its own, and
`checkout`, where that is bound to the running test.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import Pool

from pytest_oneloop.errors.sandbox import UnroutedEngineError, UnsupportedDialectError
from pytest_oneloop.sandbox import greenlets
from pytest_oneloop.sandbox.connection import SandboxedConnection
from pytest_oneloop.sandbox.drivers import SUPPORTED, Driver, driver_for
from pytest_oneloop.sandbox.homes import Here, Home, HostLoop
from pytest_oneloop.sandbox.link import Constraints, Link
from pytest_oneloop.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import AsyncGenerator, Callable, Iterator

    from sqlalchemy.engine import Connection, Dialect

OUTSIDE = "code outside of any test"


class Target(Protocol):
    """The database of this worker."""

    @property
    def constraints(self) -> Constraints:
        """The deferrable constraints of its schema."""

    def connect_arguments(self, dialect: Dialect, given: dict[str, Any]) -> dict[str, Any]:
        """Return what the dialect's `connect` takes to get there.

        Args:
            dialect: The engine's.
            given: What it would have taken to where the application points.
        """


class Router:
    """The plugin's end of SQLAlchemy's events.

    Args:
        provide: Makes the worker's database, at the first call; may block for seconds.
        passthrough: Names of dialects that are none of the plugin's business.
    """

    def __init__(self, provide: Callable[[], Target], passthrough: frozenset[str]) -> None:
        self._provide = provide
        self._passthrough = passthrough
        self._direct: Target | None = None
        self.sandbox = Sandbox(OUTSIDE, self._now)
        self._links: dict[tuple[str, AbstractEventLoop | None], Link] = {}
        self._opening: dict[tuple[str, AbstractEventLoop], asyncio.Future[Link]] = {}
        self._guard = threading.Lock()
        self._host: HostLoop | None = None
        self._closers: set[AsyncGenerator[None]] = set()
        self._engines: weakref.WeakSet[Engine] = weakref.WeakSet()
        self.connections = 0
        self.drivers: list[str] = []

    # -- the run -----------------------------------------------------------------------------

    def listen(self) -> None:
        """Begin to answer for every engine."""
        event.listen(Engine, "do_connect", self._on_connect)
        event.listen(Pool, "connect", self._on_connected)
        event.listen(Pool, "checkout", self._on_checkout)
        event.listen(Pool, "checkin", self._on_checkin)
        event.listen(Engine, "engine_connect", self._on_engine)

    def close(self) -> None:
        """Answer no more, and close what is open."""
        event.remove(Engine, "do_connect", self._on_connect)
        event.remove(Pool, "connect", self._on_connected)
        event.remove(Pool, "checkout", self._on_checkout)
        event.remove(Pool, "checkin", self._on_checkin)
        event.remove(Engine, "engine_connect", self._on_engine)
        self.sandbox.ended = True
        for engine in list(self._engines):
            engine.dispose(close=False)
        if self._host is not None:
            self._host.close()
        for (_, loop), link in self._links.items():
            if loop is None and not link.dead:
                link.close()
        self._links.clear()

    def begin(self, test: str, *, hosted: bool) -> Sandbox:
        """A test begins."""
        self.sandbox = Sandbox(test, self._now, hosted=hosted)
        return self.sandbox

    def end(self) -> None:
        """The test has ended: its connections are of no more use to anybody."""
        self.sandbox.ended = True
        self.sandbox = Sandbox(OUTSIDE, self._now)
        for engine in list(self._engines):
            # Connections that the test did not give back would be missing from the pool for ever.
            if getattr(engine.pool, "checkedout", int)() > 0:
                engine.dispose(close=False)
        self._engines.clear()
        self._links = {key: link for key, link in self._links.items() if not link.dead}

    @contextmanager
    def redirected(self, target: Target) -> Iterator[None]:
        """Lead every engine straight to a database, with real commits: to build its schema."""
        before, self._direct = self._direct, target
        try:
            yield
        finally:
            self._direct = before

    def _now(self) -> str:
        return self.sandbox.test

    # -- SQLAlchemy's events -----------------------------------------------------------------

    def _on_connect(
        self, dialect: Dialect, _record: object, arguments: list[Any], parameters: dict[str, Any]
    ) -> SandboxedConnection | None:
        __tracebackhide__ = True
        if dialect.name in self._passthrough:
            return None
        name = f"{dialect.name}+{dialect.driver}"
        if self._direct is not None and dialect.name == "postgresql":
            redirected = self._direct.connect_arguments(dialect, parameters)
            arguments.clear()
            parameters.clear()
            parameters.update(redirected)
            self.drivers.append(name)
            return None
        driver = driver_for(dialect.name, dialect.driver)
        if driver is None:
            raise self.sandbox.report(UnsupportedDialectError(dialect=name, supported=SUPPORTED))
        link, home = self._link(dialect, driver, parameters)
        home.call(link.adopt, self.sandbox, self._lingering(link))
        return driver.facade(link, home)

    def _on_connected(self, connection: Any, _record: object) -> None:
        __tracebackhide__ = True
        if isinstance(connection, SandboxedConnection):
            return
        if self._direct is not None:
            if hasattr(connection, "run_async"):
                # Whatever pool it goes to, it must end with the loop that builds the schema.
                greenlets.wait_for(self._close_with_loop(connection.close))
            return
        module = type(connection).__module__.partition(".")[0]
        if module in self._passthrough or self._passed(connection):
            return
        raise self.sandbox.report(UnroutedEngineError(driver=_kind(connection)))

    def _on_checkout(self, connection: object, _record: object, _proxy: object) -> None:
        __tracebackhide__ = True
        if not isinstance(connection, SandboxedConnection):
            return
        link = connection.oneloop_link
        if (
            link.dead
            or self._links.get((link.name, self._loop(is_async=link.loop is not None))) is not link
        ):
            engine = connection.oneloop_engine() if connection.oneloop_engine else None
            if engine is not None:
                # The pool's queue may be bound to the loop that it was waited for on.
                engine.dispose(close=False)
            raise DisconnectionError
        if connection.oneloop_stale:
            # The pool makes another one, on which the listeners run again.
            raise DisconnectionError
        connection.oneloop_home.call(link.adopt, self.sandbox, self._lingering(link))
        connection.oneloop_check_out(self.sandbox)

    def _on_checkin(self, connection: object, _record: object) -> None:
        if isinstance(connection, SandboxedConnection):
            connection.oneloop_check_in()

    def _on_engine(self, connection: Connection) -> None:
        engine = connection.engine
        self._engines.add(engine)
        held = connection.connection.dbapi_connection
        if isinstance(held, SandboxedConnection):
            held.oneloop_engine = weakref.ref(engine)

    # -- real connections --------------------------------------------------------------------

    def _loop(self, *, is_async: bool) -> AbstractEventLoop | None:
        """Return the loop whose connection a caller is to have."""
        if not is_async:
            return None
        host = self._hosts()
        return host.loop if host else asyncio.get_running_loop()

    def _hosts(self) -> HostLoop | None:
        away = threading.current_thread() is not threading.main_thread()
        if not (self.sandbox.hosted or away):
            return None
        if self._host is None:
            self._host = HostLoop()
        return self._host

    def _lingering(self, link: Link) -> list[Link]:
        return [
            other
            for other in self._links.values()
            if other is not link and other.lingers and not other.dead
        ]

    def _link(
        self, dialect: Dialect, driver: type[Driver], parameters: dict[str, Any]
    ) -> tuple[Link, Home]:
        """Return the real connection for the running loop; open it if there is none yet."""
        __tracebackhide__ = True
        name = f"{dialect.name}+{dialect.driver}"
        if not dialect.is_async:
            with self._guard:
                link = self._links.get((name, None))
                if link is None or link.dead:
                    link = self._open(dialect, driver, parameters, None)
            return link, Here()
        host = self._hosts()
        home: Home = host or Here()
        loop = host.loop if host else asyncio.get_running_loop()
        link = self._links.get((name, loop))
        if link is None or link.dead:
            link = home.call(self._open_once, dialect, driver, parameters, loop)
        return link, home

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
        if key in self._opening:
            return greenlets.wait_for(asyncio.shield(self._opening[key]))
        link = self._links.get(key)
        if link is not None and not link.dead:
            return link
        opening = self._opening[key] = loop.create_future()
        try:
            link = self._open(dialect, driver, parameters, loop)
            greenlets.wait_for(self._close_with_loop(link.close))
        except BaseException as error:
            opening.set_exception(error)
            opening.exception()
            raise
        else:
            opening.set_result(link)
            return link
        finally:
            del self._opening[key]

    def _open(
        self,
        dialect: Dialect,
        driver: type[Driver],
        parameters: dict[str, Any],
        loop: AbstractEventLoop | None,
    ) -> Link:
        __tracebackhide__ = True
        target = self._provide()
        real = dialect.connect(**target.connect_arguments(dialect, parameters))
        self.connections += 1
        dialect.set_isolation_level(real, "AUTOCOMMIT")
        name = f"{dialect.name}+{dialect.driver}"
        link = Link(real, driver(real), name=name, loop=loop, constraints=target.constraints)
        self._links[name, loop] = link
        return link

    async def _close_with_loop(self, close: Callable[[], None]) -> None:
        """Have a connection closed before its loop closes.

        Whoever runs the loop calls `shutdown_asyncgens`, which ends a generator that waits.
        """

        async def wait() -> AsyncGenerator[None]:
            try:
                yield
            finally:
                self._closers.discard(closer)
                await greenlets.run(close)

        closer = wait()
        await anext(closer)
        self._closers.add(closer)

    def _passed(self, connection: object) -> bool:
        return any(name in type(connection).__module__ for name in self._passthrough)


def _kind(connection: object) -> str:
    return f"{type(connection).__module__}.{type(connection).__qualname__}"
