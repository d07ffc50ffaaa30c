"""What listeners have set on a real connection outside of tests, for as long as it lives.

A listener of `connect` prepares what a pool holds, once: `SET search_path`, say. The first one
that a real connection meets runs before any transaction, so its work stays, test after test, and
need not be done again. It is taken back when the connection of the pool is gone for which it was
done: an engine that one test made must not be met by the next.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_oneloop.sandbox.connection import SandboxedConnection


class Preparations:
    """The settings of one real connection.

    Attributes:
        outdated: Some were made for a connection of a pool that is gone.
    """

    def __init__(self) -> None:
        self.outdated = False
        self._keepers: dict[int, weakref.finalize[..., SandboxedConnection]] = {}

    def note(self, connection: SandboxedConnection) -> None:
        """A listener has set something for a connection of a pool."""
        if id(connection) not in self._keepers:
            keeper = weakref.finalize(connection, self._gone, id(connection))
            # At the exit of the process the real connection goes as well.
            keeper.atexit = False
            self._keepers[id(connection)] = keeper

    def holds(self, connection: SandboxedConnection) -> bool:
        """Whether what was set for a connection of a pool still holds."""
        return id(connection) in self._keepers

    def closed(self, connection: SandboxedConnection) -> None:
        """The pool has closed a connection; nothing, if nothing was set for it."""
        if keeper := self._keepers.get(id(connection)):
            keeper()

    def taken_back(self) -> None:
        """All settings are as they were when the real connection was opened."""
        for keeper in self._keepers.values():
            keeper.detach()
        self._keepers.clear()
        self.outdated = False

    def _gone(self, key: int) -> None:
        del self._keepers[key]
        self.outdated = True
