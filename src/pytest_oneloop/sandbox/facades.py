"""The connections of the sandbox, which engines get in place of real ones."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from sqlalchemy.exc import DisconnectionError

from pytest_oneloop.sandbox import greenlets
from pytest_oneloop.sandbox.turns import OccupiedError

if TYPE_CHECKING:
    from pytest_oneloop.sandbox.connection import SandboxedConnection
    from pytest_oneloop.sandbox.homes import Home
    from pytest_oneloop.sandbox.link import Link
    from pytest_oneloop.sandbox.links import Links
    from pytest_oneloop.sandbox.sandbox import Sandbox
    from pytest_oneloop.sandbox.wishes import Wish


class Facades:
    """Makes connections that forward to the real ones, and lets tests have them.

    Args:
        links: The real connections.
    """

    def __init__(self, links: Links) -> None:
        self._links = links

    def connect(self, wish: Wish, sandbox: Sandbox) -> SandboxedConnection:
        """Return a connection for the running test. Opens a real one if there is none yet.

        Args:
            wish: What an engine wants.
            sandbox: The test's.
        """
        __tracebackhide__ = True
        link, home = self._links.find(wish, hosted=sandbox.hosted)
        if not self._adopt(link, home, sandbox):
            link, home = self._links.find(wish, hosted=sandbox.hosted)
            self._adopt(link, home, sandbox)
        connection = wish.driver.facade(link, home)
        connection.oneloop_wanted = dict(wish.parameters)
        if wish.reads_only:
            connection.oneloop_noted["read_only"] = True
        return connection

    def check_out(self, connection: SandboxedConnection, sandbox: Sandbox) -> None:
        """The running test gets a connection from a pool.

        Raises:
            DisconnectionError: It cannot have this one; the pool makes another.
        """
        __tracebackhide__ = True
        link = connection.oneloop_link
        loop = greenlets.running_loop() if link.loop is not None else None
        moved = connection.oneloop_used_on is not None and connection.oneloop_used_on() is not loop
        if moved or not self._links.serves(link, hosted=sandbox.hosted):
            engine = connection.oneloop_engine() if connection.oneloop_engine else None
            if engine is not None:
                # The pool's queue may be bound to the loop that it was waited for on.
                engine.dispose(close=False)
            raise DisconnectionError
        if not self._adopt(link, connection.oneloop_home, sandbox):
            raise DisconnectionError
        if connection.oneloop_stale:
            # The pool makes another one, on which the listeners run again.
            raise DisconnectionError
        sandbox.used = True
        connection.oneloop_used_on = None if loop is None else weakref.ref(loop)
        connection.oneloop_check_out(sandbox)

    def _adopt(self, link: Link, home: Home, sandbox: Sandbox) -> bool:
        """Let a real connection belong to the running test; whether it can."""
        __tracebackhide__ = True
        try:
            home.call(
                link.adopt,
                sandbox,
                self._links.lingering(link),
                beside=any(other is not link for other in self._links.holding(link.key)),
            )
        except OccupiedError:
            self._links.abandon(link)
            return False
        return True
