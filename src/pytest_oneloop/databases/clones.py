"""Databases of a test's own, cloned from the template before a test asks for one."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from pytest_oneloop.databases.standing import StandingConnection
from pytest_oneloop.databases.stored import drop
from pytest_oneloop.databases.workers import clone, drop_by, is_worker_name
from pytest_oneloop.errors.connection import ServerTimeoutError

if TYPE_CHECKING:
    from pytest_oneloop.databases.address import ServerAddress

_DEADLINE = 60.0


class Clones:
    """Makes clones ahead of time, and drops those that were used, on a thread of its own.

    The thread, and its connection to the server, begin with the object. All of it may be called
    from any thread. Each clone takes 10 MB and more, in memory where the server is.

    Args:
        address: The server.
        template: What to clone; nobody may be connected to it.
        prefix: The worker's own database. The clones' names begin with it, so that whoever sweeps
            up after a run that was killed finds them too.
        ahead: How many to have ready.
        wanted: How many will be taken, as far as is known: no more are made ahead.

    Raises:
        ValueError: `prefix` is no name of a worker's database.
    """

    def __init__(
        self, address: ServerAddress, template: str, prefix: str, ahead: int, wanted: int
    ) -> None:
        if not is_worker_name(f"{prefix}c1"):
            raise ValueError(f"not a worker's database: {prefix!r}")
        self._address = address
        self._template = template
        self._prefix = prefix
        self._ahead = ahead
        self._wanted = wanted
        self._connection = StandingConnection(address, seconds=_DEADLINE)
        # All that follows is read and written under this.
        self._state = threading.Condition()
        self._ready: deque[str] = deque()
        self._taken: set[str] = set()
        self._used: deque[str] = deque()
        self._made = 0
        self._waiting = 0
        self._failure: Exception | None = None
        self._not_dropped: Exception | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="oneloop clones", daemon=True)
        self._thread.start()

    def take(self, *, seconds: float = 30.0) -> str:
        """Return the name of a clone, which is the caller's until it is given back.

        Costs nothing while one is ready; otherwise it waits for one. More than `wanted` may be
        taken; those are made when they are asked for.

        Args:
            seconds: How long to wait.

        Raises:
            DatabaseRightsError: The role may not create databases.
            ServerTimeoutError: It took longer.
        """
        with self._state:
            self._waiting += 1
            if not self._ready:
                # What failed before is tried once more, for whoever asks.
                self._failure = None
            self._state.notify_all()
            self._state.wait_for(self._is_decided, seconds)
            self._waiting -= 1
            if self._ready:
                name = self._ready.popleft()
                self._taken.add(name)
                return name
            if self._failure is not None:
                raise self._failure
            if self._closing:
                raise RuntimeError("these clones have been closed")
        raise ServerTimeoutError(self._address, task=f"clone {self._template}", seconds=seconds)

    def give_back(self, name: str) -> None:
        """Have a clone dropped, in the background, sessions that it still has included."""
        with self._state:
            self._taken.remove(name)
            self._used.append(name)
            self._state.notify_all()

    def close(self) -> None:
        """Drop all of them, also those that were not given back, and end the thread.

        A second call does nothing.

        Raises:
            ServerTimeoutError: It took longer than a minute.
            Exception: A clone could not be dropped: the driver's error.
        """
        with self._state:
            self._closing = True
            self._state.notify_all()
        self._thread.join(_DEADLINE)
        if self._thread.is_alive():
            raise ServerTimeoutError(self._address, task="drop its clones", seconds=_DEADLINE)
        if self._not_dropped is not None:
            error, self._not_dropped = self._not_dropped, None
            raise error

    # -- under the condition -------------------------------------------------------------------

    def _is_decided(self) -> bool:
        return bool(self._ready) or self._failure is not None or self._closing

    def _lacks_one(self) -> bool:
        if self._failure is not None or self._closing:
            return False
        if self._waiting > len(self._ready):
            return True
        return len(self._ready) < self._ahead and self._made < self._wanted

    def _has_work(self) -> bool:
        return self._closing or bool(self._used) or self._lacks_one()

    # -- on the thread -------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._state:
                self._state.wait_for(self._has_work)
                if self._closing:
                    break
                name = "" if self._lacks_one() else self._used.popleft()
                if not name:
                    self._made += 1
                    number = self._made
            if name:
                self._drop(name)
            else:
                self._make(f"{self._prefix}c{number}")
        for name in [*self._used, *self._ready, *sorted(self._taken)]:
            self._drop(name)
        self._connection.close()

    def _make(self, name: str) -> None:
        try:
            self._connection.run(
                lambda admin: clone(admin, self._address, self._template, name),
                task=f"clone {self._template}",
            )
        except Exception as error:  # noqa: BLE001 - raised where a clone is asked for
            self._connection.close()
            with self._state:
                # It may be there all the same, if only the answer was lost.
                self._used.append(name)
                self._failure = error
                self._state.notify_all()
        else:
            with self._state:
                self._ready.append(name)
                self._state.notify_all()

    def _drop(self, name: str) -> None:
        try:
            drop_by(
                lambda: self._connection.run(lambda admin: drop(admin, name), task=f"drop {name}"),
                self._address,
                name,
            )
        except Exception as error:  # noqa: BLE001 - raised by `close`
            self._connection.close()
            self._not_dropped = self._not_dropped or error
