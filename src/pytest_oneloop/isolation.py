"""The databases of tests that commit for real, and how they are put back."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from pytest_oneloop.databases.blockades import BlockadeRunner
    from pytest_oneloop.databases.restoration import Outcome, Restoration
    from pytest_oneloop.databases.sessions import Session
    from pytest_oneloop.errors.sandbox import SandboxError
    from pytest_oneloop.lending import Lending
    from pytest_oneloop.plan import WorkerDatabase
    from pytest_oneloop.provision import Destination
    from pytest_oneloop.sandbox.checkouts import Origin
    from pytest_oneloop.sandbox.limits import Limit
    from pytest_oneloop.sandbox.link import Link
    from pytest_oneloop.sandbox.router import Router

T = TypeVar("T")

ROLLBACK: Final = "rollback"
CLONE: Final = "clone"

_PATIENCE_MS: Final = 5000
"""How long the server waits for a session to end."""


class Put(Protocol):
    """What was in the way of putting a database back."""

    @property
    def ended(self) -> Sequence[Any]:
        """The sessions that were ended, each with its `pid`."""

    @property
    def prepared(self) -> Sequence[str]:
        """The prepared transactions that were rolled back."""


class OnAThread(Protocol):
    """Runs a function where no event loop runs, and waits for it."""

    def __call__(self, work: Callable[[], T]) -> T: ...  # noqa: D102 - see above


class Due:
    """Work that one test leaves for what comes next: it is done once, while others wait for it.

    Attributes:
        turn: Held while it is done.
    """

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self._left = False

    def leave(self) -> None:
        """Leave it for what comes next."""
        self._left = True

    def do(self, work: Callable[[], None]) -> None:
        """Do it, if it is left; once, even if it fails."""
        if not self._left:
            return
        # Of several threads that come together, none may go on before it is done.
        with self.turn:
            if not self._left:
                return
            try:
                work()
            finally:
                self._left = False


@dataclass(frozen=True, slots=True)
class Ending:
    """How a test has left the database.

    Attributes:
        problems: The errors that the sandbox raised, which the application may have swallowed.
        limits: What the sandbox could not do as a real database would, without an error.
        left_open: Where connections were checked out that were not given back.
        in_the_way: The sessions that were ended, in words.
        prepared: The prepared transactions that were rolled back.
        used: The test has used the database.
    """

    problems: list[SandboxError] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    left_open: list[Origin] = field(default_factory=list)
    in_the_way: list[str] = field(default_factory=list)
    prepared: list[str] = field(default_factory=list)
    used: bool = False


class RealDatabases:
    """The databases of tests that commit for real, put back or dropped after each.

    Args:
        database: Gives the worker's database, and brings it up at the first call.
        on_a_thread: Runs a function where no event loop runs, and waits for it.
        interruptible: A context in which Ctrl-C ends a wait at once.
        give_up: Gives up the sandbox's connections that an earlier test has left in a
            transaction, and returns them.

    Attributes:
        clones_wanted: How many tests will want a clone, as far as is known.
        used: The running test has asked for its database, by an engine or by the URL.
        shown: It was told the name of the database, by which others may connect.
    """

    def __init__(
        self,
        database: Callable[[], WorkerDatabase[Destination]],
        on_a_thread: OnAThread,
        interruptible: Callable[[], AbstractContextManager[None]],
        give_up: Callable[[], list[Link]],
    ) -> None:
        self._database = database
        self._on_a_thread = on_a_thread
        self._interruptible = interruptible
        self._give_up = give_up
        self._strategy = ROLLBACK
        self._restoration: Restoration | None = None
        self._lending: Lending | None = None
        self._runner: BlockadeRunner | None = None
        self._restoring = Due()
        self.clones_wanted = 0
        self.used = False
        self.shown = False

    def begin(self, strategy: str) -> str:
        """A test begins.

        Returns:
            The name of the clone that it will have; nothing, if it may be any, or none.
        """
        self._strategy = strategy
        self.used = False
        self.shown = False
        return self._lending.reserve() if strategy == CLONE and self._lending is not None else ""

    def destination(self) -> Destination:
        """Return the database of the running test."""
        worker = self._database()
        with self._restoring.turn:
            if self._strategy == CLONE:
                lent = self._lending.lent if self._lending is not None else None
                lent = lent or self._on_a_thread(self._lend)
                self.used = True
                return lent
            if left := self._give_up():
                # Whoever comes by the URL would wait for their locks, and so would the
                # restoration.
                backends = [link.driver.backend() for link in left]
                self._on_a_thread(partial(self._end_sessions, backends))
            if self._restoration is None:
                self._on_a_thread(self._prepare)
            self.used = True
            return worker.destination

    def finish(self) -> None:
        """The test itself has ended; what its teardown waits for too long is ended."""
        if self.used:
            if self._runner is None:
                from pytest_oneloop.databases.blockades import BlockadeRunner  # noqa: PLC0415

                self._runner = BlockadeRunner()
            lent = self._lending.lent if self._lending and self._strategy == CLONE else None
            there = lent or self._database().destination
            self._runner.start(there.address, there.database)

    def release(self) -> tuple[list[Session], list[str]]:
        """Its teardown has ended.

        Returns:
            The sessions, and the prepared transactions, that it has waited for too long.
        """
        return ([], []) if self._runner is None else self._runner.stop()

    def end(self, router: Router) -> Outcome | None:
        """The test has ended, and has used its database: it begins to be put back.

        Returns:
            What was in the way. For a clone, which another test may have when it is as the
            template has it, and nobody else is left in it, these are prepared transactions alone:
            their names are taken on the whole server.
        """
        if self._strategy == CLONE:
            return self._give_back(router)
        restoration = self._restoration
        assert restoration is not None  # noqa: S101 - made when the test asked for it
        with self._interruptible():
            cleared = restoration.start()
        self._restoring.leave()
        return cleared

    def settle(self, router: Router) -> None:
        """Wait until the database is as the template has it, or replace it if it cannot be."""
        self._restoring.do(partial(self._restore, router))

    def renew(self, router: Router) -> None:
        """Replace the worker's database by another clone."""
        self._on_a_thread(partial(self._renew, router))

    def close(self) -> None:
        """Drop the clones, and end the connections. On a thread without a loop."""
        try:
            if self._runner is not None:
                self._runner.close()
            if self._lending is not None:
                self._lending.close()
        finally:
            if self._restoration is not None:
                self._restoration.close()

    def _restore(self, router: Router) -> None:
        assert self._restoration is not None  # noqa: S101 - it is under way
        with self._interruptible():
            outcome = self._restoration.finish()
        if outcome.fresh:
            self.renew(router)

    # -- inside: each on a thread without a loop -------------------------------------------------

    def _renew(self, router: Router) -> None:
        router.lose_connections(self._database().destination.key)
        if self._restoration is not None:
            self._restoration.close()
        self._database().renew()
        if self._restoration is not None:
            self._restoration.replaced()

    def _end_sessions(self, backends: list[int]) -> None:
        from pytest_oneloop.databases.postgresql import administer  # noqa: PLC0415 - if needed

        destination = self._database().destination
        ends = ", ".join(f"pg_terminate_backend({one}, {_PATIENCE_MS})" for one in backends)
        administer(
            destination.address,
            lambda admin: admin.rows(f"SELECT {ends}"),
            database=destination.database,
            task="end the transactions of an earlier test",
        )

    def _prepare(self) -> None:
        from pytest_oneloop.databases.restoration import Restoration  # noqa: PLC0415 - if needed

        destination = self._database().destination
        restoration = Restoration(destination.address, destination.database)
        restoration.prepare(destination.ids.template)
        self._restoration = restoration

    def _give_back(self, router: Router) -> Outcome | None:
        assert self._lending is not None  # noqa: S101 - the test has used it
        lent, outcome = self._lending.lent, None
        if lent is not None and router.has_prepared(lent):
            from pytest_oneloop.databases.restoration import Outcome  # noqa: PLC0415 - if needed
            from pytest_oneloop.databases.sessions import end_all_prepared  # noqa: PLC0415

            end = partial(end_all_prepared, lent.address, lent.database)
            outcome = Outcome(prepared=tuple(self._on_a_thread(end)))
        self._lending.take_back(router, shown=self.shown)
        return outcome

    def _lend(self) -> Destination:
        if self._lending is None:
            from pytest_oneloop.lending import Lending  # noqa: PLC0415 - if needed

            self._lending = Lending(self._database(), self.clones_wanted)
        return self._lending.lend()
