"""The databases of a run: those that its engines connect to, brought up when they do."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_oneloop.errors import SetupError
from pytest_oneloop.isolation import ROLLBACK
from pytest_oneloop.keys import dialect_of, name_of
from pytest_oneloop.kinds import kind_of
from pytest_oneloop.waiting import on_a_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_oneloop.kinds import Kind
    from pytest_oneloop.plan import Plan, WorkerDatabase
    from pytest_oneloop.sandbox.router import Router


class Backend:
    """One of the worker's databases.

    Args:
        key: Which one.
        plan: Gives what is known of the run, for a database's name.
        router: Leads the engines.

    Attributes:
        key: Which one.
        kind: What kind it is.
        isolation: What puts it back after tests that commit.
        failure: Why there can be none, once that is known.
        started: It, once it is up.
    """

    def __init__(self, key: str, plan: Callable[[str], Plan], router: Router) -> None:
        self.key = key
        self.kind: Kind = kind_of(dialect_of(key))
        self._plan = plan
        self._stack = ExitStack()
        self._coming_up = threading.Lock()
        self.failure: SetupError | None = None
        self.started: WorkerDatabase[Any] | None = None
        self.isolation = self.kind.isolation(self.database, partial(router.give_up_lingering, key))

    def database(self) -> WorkerDatabase[Any]:
        """Return the worker's database; the first call brings it up, which may take seconds.

        Raises:
            SetupError: There can be none. Later calls raise the same error at once.
        """
        with self._coming_up:
            if self.failure is not None:
                raise self.failure
            if self.started is None:
                try:
                    self.started = on_a_thread(self._bring_up)
                except SetupError as error:
                    self.failure = error
                    raise
            return self.started

    def _bring_up(self) -> WorkerDatabase[Any]:
        database = self._stack.enter_context(self.kind.provide(self._plan(name_of(self.key))))
        # Before the server goes, on which they are.
        self._stack.callback(self.isolation.close)
        return database

    def close(self) -> None:
        """End all that was started, last things first. On a thread without a loop."""
        self._stack.close()


class Backends:
    """The worker's databases, by their keys.

    Args:
        plan: Gives what is known of the run, for a database's name.
        router: Leads the engines.
    """

    def __init__(self, plan: Callable[[str], Plan], router: Router) -> None:
        self._plan = plan
        self._router = router
        self._backends: dict[str, Backend] = {}
        self._strategy = ROLLBACK
        self._clones_wanted = 0

    def of(self, key: str) -> Backend:
        """Return that of a key. Starts nothing."""
        backend = self._backends.get(key)
        if backend is None:
            backend = Backend(key, self._plan, self._router)
            backend.isolation.clones_wanted = self._clones_wanted
            backend.isolation.begin(self._strategy)
            # Another thread may have been as quick; then its is the one.
            backend = self._backends.setdefault(key, backend)
        return backend

    @property
    def all(self) -> list[Backend]:
        """Those that were asked for so far, in that order."""
        return list(self._backends.values())

    @property
    def used(self) -> bool:
        """Whether the running test has asked for a database to commit to."""
        return any(one.isolation.used for one in self.all)

    @property
    def failure(self) -> SetupError | None:
        """Why one of them cannot be had."""
        return next((one.failure for one in self.all if one.failure is not None), None)

    def expect_clones(self, number: int) -> None:
        """Let so many clones be made ahead, at most, once a test has asked for one."""
        self._clones_wanted = number
        for one in self.all:
            one.isolation.clones_wanted = number

    # -- tests -----------------------------------------------------------------------------------

    def begin(self, strategy: str) -> tuple[str, ...]:
        """A test begins.

        Returns:
            The strategy, and the names of the clones that the test will have, as far as is known.
        """
        self._strategy = strategy
        clones = [one.isolation.begin(strategy) for one in self.all]
        return strategy, *filter(None, clones)

    def destination(self, key: str) -> Any:
        """Return a database of the running test, or of the worker outside of tests."""
        self.settle()
        backend = self.of(key)
        if self._strategy != ROLLBACK:
            return backend.isolation.destination()
        return backend.database().destination

    def show(self, key: str) -> Any:
        """Return a database of the running test, which is told its name."""
        found = self.destination(key)
        self.of(key).isolation.shown = True
        return found

    def of_worker(self, key: str) -> Any:
        """Return a database of the worker, which tests in the sandbox run in."""
        __tracebackhide__ = True
        self.settle()
        return self.of(key).database().destination

    def finish(self) -> None:
        """The test itself has ended; what its teardown waits for too long is ended."""
        if self._strategy != ROLLBACK:
            for one in self.all:
                one.isolation.finish()

    def release(self) -> tuple[list[str], list[str]]:
        """Its teardown has ended.

        Returns:
            The sessions that it has waited for too long, in words, and prepared transactions.
        """
        words: list[str] = []
        prepared: list[str] = []
        for one in self.all:
            blockers, names = one.isolation.release()
            words += [self._router.ended(blocker.pid, str(blocker)) for blocker in blockers]
            prepared += names
        return words, prepared

    def end(self, *, leaked: bool) -> tuple[list[str], list[str]]:
        """The test has ended: what it has used begins to be put back.

        Args:
            leaked: It was in the sandbox, and something of it may have stayed.

        Returns:
            The sessions that were in the way, in words, and prepared transactions.
        """
        words: list[str] = []
        prepared: list[str] = []
        for one in self.all:
            used = self._strategy != ROLLBACK and one.isolation.used
            put = one.isolation.end(self._router) if used else None
            if put is not None:
                words += [self._router.ended(each.pid, str(each)) for each in put.ended]
                prepared += put.prepared
            elif leaked and one.started is not None:
                one.isolation.renew(self._router)
        self._strategy = ROLLBACK
        return words, prepared

    def settle(self) -> None:
        """Wait until all are as their templates have them."""
        for one in self.all:
            one.isolation.settle(self._router)

    def close(self) -> None:
        """End all that was started. On a thread without a loop."""
        with ExitStack() as stack:
            for one in self.all:
                stack.callback(one.close)
