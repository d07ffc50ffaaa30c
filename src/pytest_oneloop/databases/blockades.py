"""Ends what a test's teardown waits for on the server, if it would wait for ever.

A fixture that tidies up behind a connection which the test has left in a transaction waits for its
locks, and nobody else is there to end them.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from pytest_oneloop.databases.postgresql import Admin, administer
from pytest_oneloop.databases.sessions import end_prepared, end_sessions, read_sessions

if TYPE_CHECKING:
    from pytest_oneloop.databases.address import ServerAddress
    from pytest_oneloop.databases.sessions import Session

PATIENCE: Final = 5.0
"""Seconds that a teardown may take before somebody looks what it waits for."""

_DEADLINE: Final = 60.0
_PREPARED: Final = 0


class BlockadeRunner:
    """Watches over teardowns, one after another, on a thread of its own.

    The thread begins with the first of them. As long as all goes well, each costs 0.01 ms.

    Args:
        seconds: How long one may take before what is in its way is ended.
    """

    def __init__(self, *, seconds: float = PATIENCE) -> None:
        self._seconds = seconds
        # All that follows is read and written under this.
        self._state = threading.Condition()
        self._thread: threading.Thread | None = None
        self._idle = False
        self._closing = False
        self._deadline: float | None = None
        self._place: tuple[ServerAddress, str] | None = None
        self._ended: list[Session] = []
        self._prepared: list[str] = []
        self._failure: Exception | None = None

    def start(self, address: ServerAddress, database: str) -> None:
        """A teardown begins.

        Args:
            address: The server.
            database: The test's.
        """
        with self._state:
            self._place = (address, database)
            self._deadline = time.monotonic() + self._seconds
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._watch, name="oneloop teardown", daemon=True
                )
                self._thread.start()
            elif self._idle:
                # Otherwise it wakes up soon enough, by the deadline of an earlier one.
                self._state.notify()

    def stop(self) -> tuple[list[Session], list[str]]:
        """The teardown is over, if one has begun.

        Returns:
            The sessions that were ended, as they were, and the names of the prepared transactions.

        Raises:
            Exception: The server could not be asked: the driver's error.
        """
        with self._state:
            self._deadline = None
            ended, self._ended = self._ended, []
            prepared, self._prepared = self._prepared, []
            failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        return ended, prepared

    def close(self) -> None:
        """End the thread."""
        with self._state:
            self._closing = True
            self._state.notify()
        if self._thread is not None:
            self._thread.join(_DEADLINE)

    # -- on the thread ---------------------------------------------------------------------------

    def _watch(self) -> None:
        with self._state:
            while not self._closing:
                self._idle = self._deadline is None
                left = None if self._deadline is None else self._deadline - time.monotonic()
                if left is None or left > 0:
                    self._state.wait(left)
                    continue
                self._deadline = time.monotonic() + self._seconds
                try:
                    self._look()
                except Exception as error:  # noqa: BLE001 - raised by `stop`
                    self._failure, self._deadline = error, None

    def _look(self) -> None:
        assert self._place is not None  # noqa: S101 - a teardown is under way
        address, database = self._place
        administer(
            address,
            partial(self._clear, database=database),
            database=database,
            task="see what a teardown waits for",
        )

    def _clear(self, admin: Admin, database: str) -> None:
        found = read_sessions(admin, database)
        first = [one for one in found if one.blocks and not one.blocked_by]
        end_sessions(admin, database, {one.pid for one in first})
        self._ended += first
        if any(_PREPARED in one.blocked_by for one in found):
            self._prepared += end_prepared(admin, database)
