"""Tests on a real database: the application's own pools and connections, with real commits.

Nothing stands between SQLAlchemy and the driver here. Noted is only which connections there are,
on which loop, and who holds one: a connection goes to no other loop than its own, to no other
database than the test's, and not from one test to the next with anything left on it.
"""

from __future__ import annotations

import asyncio
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.exc import DisconnectionError

from pytest_oneloop.sandbox import greenlets
from pytest_oneloop.sandbox.checkouts import Origin, origin

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.pool import ConnectionPoolEntry, Pool

    from pytest_oneloop.sandbox.drivers import Driver
    from pytest_oneloop.sandbox.links import Links, Target
    from pytest_oneloop.sandbox.sandbox import Sandbox
    from pytest_oneloop.sandbox.wishes import Wish

_MARK: Final = "oneloop"
"""The key in a pool entry's `info`, which lives as long as its connection."""


@dataclass(slots=True, eq=False)
class Held:
    """One real connection in a pool of the application.

    Attributes:
        target: The database that it leads to.
        driver: The class that knows how to speak to it.
        real: What SQLAlchemy's dialect made of the driver's connection, once it has.
        loop: The event loop that it is bound to; `None` for a synchronous driver.
        engine: Whose pool it is in, once that is known.
        pool: The pool.
        sandbox: The test that used it last.
        place: Where it was checked out, while it is.
        soiled: A test has changed its settings, so no other may have it.
        reads_only: The application's URL says that nothing is changed by it.
    """

    target: Target
    driver: type[Driver]
    real: Any = None
    loop: weakref.ref[AbstractEventLoop] | None = None
    engine: weakref.ref[Engine] | None = None
    pool: weakref.ref[Pool] | None = None
    sandbox: Sandbox | None = None
    place: Origin | None = None
    soiled: bool = False
    reads_only: bool = False

    @property
    def speaker(self) -> Driver:
        """How to speak to it."""
        return self.driver(self.real)

    @property
    def closed(self) -> bool:
        """Whether it is of no more use."""
        return self.speaker.is_closed()

    @property
    def deserted(self) -> bool:
        """Whether the pool is gone that it was in."""
        return self.pool is not None and self.pool() is None

    @property
    def moved(self) -> bool:
        """Whether another loop runs than the one that it is bound to."""
        return self.loop is not None and self.loop() is not asyncio.get_running_loop()

    def forget(self) -> None:
        """Let it forget the test that has had it. A message.

        Raises:
            DisconnectionError: It has ended meanwhile; the pool makes another.
        """
        try:
            if self.driver.clean:
                self.send(self.driver.clean)
        except Exception as error:
            if not self.closed:
                raise
            raise DisconnectionError from error

    def drop(self) -> None:
        """End it at once, on whatever loop it is. Sends no more than a farewell."""
        if not self.closed:
            self.speaker.abandon()

    def send(self, sql: str) -> None:
        """Send commands of the plugin. One message, or three."""
        self.speaker.script(sql)
        self.real.commit()


class Direct:
    """The real connections that tests on a real database have opened.

    Args:
        links: The sandbox's own real connections.
        settle: Waits until what an earlier test has committed is gone.

    Attributes:
        opened: How many were opened so far.
        used: The keys of the databases that the running test has used.
    """

    def __init__(self, links: Links, settle: Callable[[], None]) -> None:
        self._links = links
        self._settle = settle
        self._held: list[Held] = []
        self.opened = 0
        self.used: set[str] = set()
        self._places: dict[int, Origin] = {}
        self._open: set[int] = set()

    # -- SQLAlchemy's events -----------------------------------------------------------------

    def connect(self, wish: Wish, target: Target, entry: ConnectionPoolEntry) -> None:
        """Change what the dialect connects with, so that it leads to the test's database."""
        led = target.connect_arguments(wish.dialect, wish.parameters)
        wish.parameters.clear()
        wish.parameters.update(wish.driver.direct(led))
        entry.info[_MARK] = Held(target, wish.driver, reads_only=wish.reads_only)

    def connected(self, real: Any, entry: ConnectionPoolEntry) -> bool:
        """Note a new connection; whether it is one that was led here."""
        held = held_by(entry)
        if held is None:
            return False
        held.real = real
        if hasattr(real, "run_async"):
            held.loop = weakref.ref(asyncio.get_running_loop())
            greenlets.wait_for(self._links.close_with_loop(held.real.close))
        self._held = [known for known in self._held if not known.closed]
        self._held.append(held)
        self.opened += 1
        if held.reads_only:
            held.send("PRAGMA query_only = ON")
        return True

    def check_out(self, held: Held, sandbox: Sandbox, find: Callable[[str], Target]) -> None:
        """The running test gets a connection. A message, if another test had it before.

        Args:
            held: The connection.
            sandbox: The test's.
            find: Gives the test's database of a dialect, as the template has it.

        Raises:
            DisconnectionError: It cannot have this one; the pool makes another.
        """
        if held.moved and (engine := held.engine() if held.engine else None) is not None:
            # The pool's queue may be bound to the loop that it was waited for on.
            engine.dispose(close=False)
        another = held.sandbox is not None and held.sandbox is not sandbox
        if held.moved or held.closed or (held.soiled and another):
            held.drop()
            raise DisconnectionError
        if another:
            # First: meanwhile, what an earlier test has committed goes away.
            held.forget()
        target = find(held.target.key)
        self._settle()
        if held.target is not target or held.closed:
            held.drop()
            raise DisconnectionError
        if target.key not in self.used:
            with self._links.alone.entered(waits=held.loop is not None):
                self._prepare(held, target, sandbox)
        held.sandbox = sandbox
        held.place = self._places[held.speaker.backend()] = origin()

    def _prepare(self, held: Held, target: Target, sandbox: Sandbox) -> None:
        """Make the database ready for the first use of it in a test, before any other begins."""
        if target.key in self.used:
            return
        self._end_lingering(held)
        # A database of the test's own has its ids as the template has them.
        for sql in self._links.ids(target.key).due(sandbox) if target.ids.template else []:
            held.send(sql)
        self.used.add(target.key)

    def _end_lingering(self, held: Held) -> None:
        """End the sandbox's transaction of an earlier test, whose locks would be met."""
        loop = None if held.loop is None else held.loop()
        for link in self._links.lingering(None, held.target.key):
            if link.loop in (None, loop):
                link.leave()
            else:
                link.channel.dead = True
                held.speaker.end_other(link.driver)
                held.real.commit()

    # -- tests -------------------------------------------------------------------------------

    def begin(self) -> None:
        """A test begins."""
        self.used.clear()
        self._places.clear()
        self._open.clear()

    def left_open(self) -> list[Origin]:
        """End the connections that the test has not given back; return where it got them.

        Ended are also those that nobody can get any more: their pool is gone.
        """
        places = []
        for held in self._held:
            if held.place is not None and not held.closed:
                places.append(held.place)
                self._open.add(held.speaker.backend())
            if held.place is not None or held.soiled or held.deserted:
                held.place = None
                held.drop()
        return places

    def ended(self, pid: int, words: str) -> str:
        """Let go of a session that the server has ended.

        Returns:
            What is known of it; nothing, if `left_open` has named it.
        """
        if pid in self._open:
            return ""
        for held in self._held:
            # What the server has done is not known here before the loop runs again.
            if not held.closed and held.speaker.backend() == pid:
                held.drop()
        place = self._places.get(pid)
        return f"the connection checked out at {place}, as {words}" if place else words

    def idle(self, target: Target) -> list[int]:
        """Return the sessions of the connections to one database."""
        return [
            held.speaker.backend()
            for held in self._held
            if held.target is target and not held.closed
        ]

    def drop(self, target: Target | None = None, key: str = "") -> None:
        """End all connections, or all to one target, or all to the targets of one key."""
        for held in self._held:
            if (target is None or held.target is target) and key in ("", held.target.key):
                held.drop()
        self._held = [held for held in self._held if not held.closed]


def held_by(entry: ConnectionPoolEntry | Connection) -> Held | None:
    """Return the real connection of a pool's entry, or of a connection that has one.

    `None` if it is one of the sandbox.
    """
    found: Held | None = entry.info.get(_MARK)
    return found


def note_engine(connection: Connection) -> None:
    """Note whose pool a real connection is in."""
    held = held_by(connection)
    if held is not None:
        held.engine = weakref.ref(connection.engine)
        held.pool = weakref.ref(connection.engine.pool)
