"""Databases of a test's own, cloned from the template before a test asks for one."""

from __future__ import annotations

import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from pytest_oneloop.databases.baseline import read_latest
from pytest_oneloop.databases.reuse import Clone, Reuse
from pytest_oneloop.databases.standing import StandingConnection
from pytest_oneloop.databases.stored import drop
from pytest_oneloop.databases.workers import clone, drop_by, is_worker_name
from pytest_oneloop.errors.connection import ServerTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from pytest_oneloop.databases.address import ServerAddress
    from pytest_oneloop.databases.postgresql import Admin

_DEADLINE = 60.0


class Clones:
    """Makes clones ahead of time, and puts those that were used back, on a thread of its own.

    What cannot be put back is dropped, and another one made. The thread, and its connection to the
    server, begin with the object. All of it may be called from any thread. Each clone takes 10 MB
    and more, in memory where the server is, and a connection once it has been used.

    Args:
        address: The server.
        template: What to clone; nobody may be connected to it.
        prefix: The worker's own database. The clones' names begin with it, so that whoever sweeps
            up after a run that was killed finds them too.
        ahead: How many to have ready.
        wanted: How many will be taken, as far as is known: no more are kept ready.

    Attributes:
        made: How many were made so far.

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
        self._reuse = Reuse(address)
        # All that follows is read and written under this.
        self._state = threading.Condition()
        self._ready: deque[Clone] = deque()
        self._taken: dict[str, Clone] = {}
        self._used: deque[Clone] = deque()
        self._unwanted: deque[Clone] = deque()
        self._lost: list[str] = []
        self._waiting = 0
        self._failure: Exception | None = None
        self._not_dropped: Exception | None = None
        self._closing = False
        self.made = 0
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
                return self._hand_out()
            if self._failure is not None:
                raise self._failure
            if self._closing:
                raise RuntimeError("these clones have been closed")
        raise ServerTimeoutError(self._address, task=f"clone {self._template}", seconds=seconds)

    def take_ready(self) -> str | None:
        """Return the name of a clone that is ready, as `take` does; `None` if there is none."""
        with self._state:
            return self._hand_out() if self._ready and not self._closing else None

    def give_back(self, name: str, *, spare: Collection[int] | None = None) -> None:
        """Have a clone put back, or dropped, in the background.

        Args:
            name: The clone.
            spare: The sessions in it that may stay, if they are idle, by their process numbers.
                Without, the clone is dropped, with all its sessions: its name is known to somebody
                who may come back. So it is where another session is found, or where something was
                changed that cannot be put back (see `Restoration`).
        """
        with self._state:
            given = self._taken.pop(name)
            if spare is None or not self._is_worth_it():
                self._give_up(given)
            else:
                given.spare = frozenset(spare)
                self._used.append(given)
            self._state.notify_all()

    def lost(self) -> list[str]:
        """Return the clones that were given back, and nobody will have again; each of them once."""
        with self._state:
            lost, self._lost = self._lost, []
            return lost

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

    def _hand_out(self) -> str:
        given = self._ready.popleft()
        self._taken[given.name] = given
        self._wanted -= 1
        self._state.notify_all()
        return given.name

    def _give_up(self, given: Clone) -> None:
        self._lost.append(given.name)
        self._unwanted.append(given)

    def _is_decided(self) -> bool:
        return bool(self._ready) or self._failure is not None or self._closing

    def _is_worth_it(self) -> bool:
        """Whether a test is known that will want it, beside those that others are ready for."""
        known = min(self._ahead + 1, self._wanted)
        return self._reuse.possible and len(self._ready) + len(self._used) < known

    def _lacks_one(self) -> bool:
        if self._failure is not None or self._closing:
            return False
        if self._waiting > len(self._ready):
            return True
        ahead = len(self._ready) + len(self._used)
        return ahead < min(self._ahead, self._wanted)

    def _next(self) -> Callable[[], None] | None:
        """Wait for something to do, and return it; `None` when all is over."""
        while not self._closing:
            if (work := self._due()) is not None:
                return work
            self._state.wait()
        return None

    def _due(self) -> Callable[[], None] | None:
        if self._used and self._reuse.knows:
            return partial(self._put_back, self._used.popleft())
        if self._lacks_one():
            self.made += 1
            return partial(self._make, f"{self._prefix}c{self.made}")
        if self._used and self._ready and self._reuse.possible:
            return partial(self._learn, self._ready.pop())
        while self._used:
            self._give_up(self._used.popleft())
        if self._unwanted:
            return partial(self._drop, self._unwanted.popleft())
        return None

    # -- on the thread -------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._state:
                work = self._next()
            if work is None:
                break
            work()
        left = [*self._unwanted, *self._used, *self._ready, *self._taken.values()]
        for one in sorted(left, key=lambda one: one.name):
            self._drop(one)
        self._connection.close()

    def _make(self, name: str) -> None:
        def work(admin: Admin) -> str:
            clone(admin, self._address, self._template, name)
            return read_latest(admin)

        try:
            since = self._connection.run(work, task=f"clone {self._template}")
        except Exception as error:  # noqa: BLE001 - raised where a clone is asked for
            self._connection.close()
            with self._state:
                # It may be there all the same, if only the answer was lost.
                self._unwanted.append(Clone(name, ""))
                self._failure = error
                self._state.notify_all()
        else:
            self._offer(Clone(name, since), warm=False)

    def _learn(self, new: Clone) -> None:
        try:
            self._reuse.learn(new)
        except Exception:  # noqa: BLE001 - without that, clones are dropped after a test
            with self._state:
                self._give_up(new)
        else:
            self._offer(new, warm=False)

    def _put_back(self, used: Clone) -> None:
        try:
            done = self._reuse.put_back(used)
        except Exception:  # noqa: BLE001 - whatever it is, another one takes its place
            done = False
        if done:
            self._offer(used, warm=True)
        else:
            with self._state:
                self._give_up(used)

    def _offer(self, one: Clone, *, warm: bool) -> None:
        """Let a test have a clone; first one to which the application is connected already."""
        with self._state:
            (self._ready.appendleft if warm else self._ready.append)(one)
            self._state.notify_all()

    def _drop(self, one: Clone) -> None:
        name = one.name
        try:
            one.close()
            drop_by(
                lambda: self._connection.run(lambda admin: drop(admin, name), task=f"drop {name}"),
                self._address,
                name,
            )
        except Exception as error:  # noqa: BLE001 - raised by `close`
            self._connection.close()
            self._not_dropped = self._not_dropped or error
