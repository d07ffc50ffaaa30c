"""Leads every engine of the process to the test database.

Two events of SQLAlchemy carry it, both listened to on the class, so that engines made before and
after are met alike: `do_connect`, where the plugin answers with a connection of its own, and
`checkout`, where that is bound to the running test.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import Pool

from pytest_oneloop.errors.sandbox import SandboxError, UnroutedEngineError
from pytest_oneloop.sandbox import greenlets
from pytest_oneloop.sandbox.addresses import Addresses, is_nowhere
from pytest_oneloop.sandbox.building import Building
from pytest_oneloop.sandbox.connection import SandboxedConnection
from pytest_oneloop.sandbox.direct import Direct, held_by, note_engine
from pytest_oneloop.sandbox.drivers import driver_for
from pytest_oneloop.sandbox.facades import Facades
from pytest_oneloop.sandbox.links import Links
from pytest_oneloop.sandbox.observer import Observer
from pytest_oneloop.sandbox.passing import Passing
from pytest_oneloop.sandbox.pools import Label, Pools
from pytest_oneloop.sandbox.sandbox import OUTSIDE, Sandbox
from pytest_oneloop.sandbox.wishes import Wish

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from sqlalchemy.engine import Connection, Dialect
    from sqlalchemy.pool import ConnectionPoolEntry

    from pytest_oneloop.sandbox.checkouts import Origin
    from pytest_oneloop.sandbox.link import Link
    from pytest_oneloop.sandbox.links import Target

_SANDBOX = ("rollback",)


class Router:
    """The plugin's end of SQLAlchemy's events.

    Args:
        provide: Makes the worker's database for a key, at the first call; may block for seconds.
        passthrough: Names of dialects, or of dialect and driver, that are none of the plugin's
            business.
        settle: Waits until what an earlier test has committed is gone; costs nothing if none has.
        addresses: Tells which database an engine means; without, there is one for each dialect.
    """

    def __init__(
        self,
        provide: Callable[[str], Target],
        passthrough: frozenset[str],
        settle: Callable[[], None] = lambda: None,
        addresses: Addresses | None = None,
    ) -> None:
        self._settle = settle
        self._addresses = addresses or Addresses()
        self._passing = Passing(passthrough)
        self._building = Building(self._addresses)
        self.sandbox = Sandbox(OUTSIDE, self._now, hosted=True)
        self._links = Links(provide)
        self._facades = Facades(self._links)
        self._direct = Direct(self._links, settle)
        self._observer = Observer(lambda: self.sandbox)
        self._pools = Pools(_SANDBOX)
        self._target: Callable[[str], Target] | None = None

    @property
    def connections(self) -> int:
        """How many real connections were opened so far."""
        return self._links.opened + self._direct.opened

    def living(self) -> list[tuple[str, AbstractEventLoop | None]]:
        """Return the label of each connection that is open, and the loop it is on."""
        return self._links.living()

    # -- the run -----------------------------------------------------------------------------

    def listen(self) -> None:
        """Begin to answer for every engine."""
        for target, name, answer in self._answers():
            event.listen(target, name, answer)

    def _answers(self) -> list[tuple[type, str, Callable[..., object]]]:
        return [
            (Engine, "do_connect", self._on_connect),
            (Pool, "connect", self._on_connected),
            (Pool, "checkout", self._on_checkout),
            (Pool, "checkin", self._on_checkin),
            (Engine, "engine_connect", self._on_engine),
        ]

    def close(self) -> None:
        """Answer no more, and close what is open."""
        self._lead(None)
        for target, name, answer in self._answers():
            event.remove(target, name, answer)
        self.sandbox.ended = True
        self._pools.replace()
        self._direct.drop()
        self._links.close()

    def begin(
        self,
        test: str,
        *,
        hosted: bool,
        target: Callable[[str], Target] | None = None,
        pools: Label = _SANDBOX,
    ) -> Sandbox:
        """A test begins.

        Args:
            test: Its node id.
            hosted: Its event loops may come and go.
            target: Gives the database of a key, to which it has real connections, at the first
                call; `None` if it runs in the sandbox.
            pools: Which of an engine's pools it uses: that of earlier tests for which this was the
                same.
        """
        self._direct.begin()
        self._lead(target, pools)
        return self._go_on_with(Sandbox(test, self._now, hosted=hosted, real=target is not None))

    def end(self) -> list[Origin]:
        """The test has ended: its connections are of no more use to anybody.

        What runs until the next begins is in the sandbox.

        Returns:
            Where it checked real connections out that it has not given back.
        """
        left = self._direct.left_open()
        if self._links.escaped() and not self.sandbox.leaked:
            self.sandbox.escape("the driver's own connection")
        self.set_apart()
        self._pools.complete()
        self._lead(None)
        self._links.forget_dead()
        return left

    def set_apart(self) -> None:
        """Between tests: what comes next has nothing to do with what was done so far."""
        self._go_on_with(Sandbox(OUTSIDE, self._now, hosted=True))

    def _go_on_with(self, sandbox: Sandbox) -> Sandbox:
        # What was done so far, by a test or between tests, must let go of its locks.
        self.sandbox.ended = True
        self.sandbox = sandbox
        # Rows that several tests share were written there, and are seen nowhere else.
        sandbox.writers |= dict.fromkeys(self._links.holding(), 0)
        return sandbox

    def ended(self, pid: int, words: str) -> str:
        """Let go of a session that was in the way after a test, and was ended on the server.

        Args:
            pid: Its number on the server.
            words: What the server says of it.

        Returns:
            These words, with where it was checked out, if it was; nothing, if `end` has named it.
        """
        return self._direct.ended(pid, words)

    def drop(self, target: Target) -> None:
        """End the real connections to one database."""
        self._direct.drop(target)

    def idle(self, target: Target) -> list[int]:
        """Return the sessions of the real connections to one database, after a test."""
        return self._direct.idle(target)

    def has_prepared(self, target: Target) -> bool:
        """Whether the last test has prepared a transaction in a database, for two phases."""
        return target.key in self._observer.prepared

    def forget(self, target: Target, name: str) -> None:
        """End the real connections to a database that no test will have again, and its pools."""
        self._direct.drop(target)
        self._pools.forget(name)

    def give_up_lingering(self, key: str) -> list[Link]:
        """Give up a database's connections that are still in the transaction of an earlier test.

        Returns:
            These connections, which somebody has to end.
        """
        return self._links.give_up_lingering(key)

    def lose_connections(self, key: str) -> None:
        """Use a database's real connections no more: it is about to be replaced."""
        self._links.lose(key)
        self._direct.drop(key=key)

    def _lead(self, target: Callable[[str], Target] | None, pools: Label = _SANDBOX) -> None:
        """Lead engines into the sandbox, or to a database."""
        self._pools.swap(pools)
        if (target is None) is not (self._target is None):
            (self._observer.stop if target is None else self._observer.listen)()
        self._target = target

    def redirected(self, target: Target) -> AbstractContextManager[None]:
        """Lead its engines straight to a database, with real commits: to build its schema."""
        return self._building.redirected(target)

    def _now(self) -> str:
        return self.sandbox.test

    # -- SQLAlchemy's events -----------------------------------------------------------------

    def _on_connect(
        self,
        dialect: Dialect,
        entry: ConnectionPoolEntry,
        arguments: list[Any],
        parameters: dict[str, Any],
    ) -> SandboxedConnection | None:
        __tracebackhide__ = True
        ours = is_nowhere(arguments, parameters)
        if not ours and self._passing.lets(dialect.name, dialect.driver, entry):
            return None
        redirected = self._building.leads(dialect, arguments, parameters)
        if redirected is not None:
            arguments.clear()
            parameters.clear()
            parameters.update(redirected)
            return None
        try:
            driver = driver_for(dialect.name, dialect.driver)
        except SandboxError as error:
            raise self.sandbox.report(error) from None
        key = self._addresses.note(dialect, arguments, parameters)
        wish = Wish(key, dialect, driver, parameters, str(next(iter(arguments), "")))
        self._settle()
        if self._target is not None:
            self._links.leave_lingering(waits=dialect.is_async)
            arguments.clear()
            self._direct.connect(wish, self._target(key), entry)
            return None
        return self._facades.connect(wish, self.sandbox)

    def _on_connected(self, connection: Any, entry: ConnectionPoolEntry) -> None:
        __tracebackhide__ = True
        if isinstance(connection, SandboxedConnection) or self._direct.connected(connection, entry):
            return
        if self._building.target is not None:
            if hasattr(connection, "run_async"):
                # Whatever pool it goes to, it must end with the loop that builds the schema.
                greenlets.wait_for(self._links.close_with_loop(connection.close))
            return
        if self._passing.has_let(connection, entry):
            return
        connection.close()
        driver = "{0.__module__}.{0.__qualname__}".format(type(connection))
        raise self.sandbox.report(UnroutedEngineError(driver=driver))

    def _on_checkout(self, connection: object, entry: ConnectionPoolEntry, _proxy: object) -> None:
        __tracebackhide__ = True
        held = held_by(entry)
        if held is not None and self._target is not None:
            self._links.leave_lingering(waits=held.loop is not None)
            self._direct.check_out(held, self.sandbox, self._target)
            return
        self._settle()
        if held is not None:
            held.drop()
        if held is not None or (self._target and isinstance(connection, SandboxedConnection)):
            # It is of the other kind; the pool makes one of the kind that the test needs.
            raise DisconnectionError
        if isinstance(connection, SandboxedConnection):
            self._facades.check_out(connection, self.sandbox)

    def _on_checkin(self, connection: object, entry: ConnectionPoolEntry) -> None:
        if isinstance(connection, SandboxedConnection):
            connection.oneloop_check_in()
        elif (held := held_by(entry)) is not None:
            held.place = None

    def _on_engine(self, connection: Connection) -> None:
        engine = connection.engine
        if not self._passing.has_marked(connection.connection.info):
            self._pools.note(engine)
        held = connection.connection.dbapi_connection
        if isinstance(held, SandboxedConnection):
            held.oneloop_engine = weakref.ref(engine)
        else:
            note_engine(connection)
