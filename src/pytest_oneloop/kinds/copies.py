"""How databases are put back of a kind that copies its template when a clone is asked for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pytest_oneloop.isolation import CLONE, ROLLBACK, Due

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_oneloop.isolation import Put
    from pytest_oneloop.plan import WorkerDatabase
    from pytest_oneloop.sandbox.link import Link
    from pytest_oneloop.sandbox.links import Target
    from pytest_oneloop.sandbox.router import Router

D = TypeVar("D", bound="Target")


class Restoration(Protocol):
    """Puts the worker's database back after a test."""

    def prepare(self) -> None:
        """Note how it is, while it is as the template has it."""

    def clear(self) -> Put:
        """The test has ended: say who was in the way."""

    def restore(self) -> bool:
        """Put it back; whether that could be done."""

    def close(self) -> None:
        """End its connection; the next use opens another one."""


class Copier(Protocol[D]):
    """What a kind does with its databases."""

    def restoration(self, worker: WorkerDatabase[D]) -> Restoration:
        """Return what puts the worker's database back."""

    def end(self, worker: WorkerDatabase[D], left: list[Link]) -> None:
        """End connections that are still in the transaction of an earlier test."""

    def copy(self, worker: WorkerDatabase[D], number: int) -> D:
        """Return a copy of the template, under a name with this number."""

    def remove(self, clone: D) -> Put | None:
        """Remove a copy that no test will have again; say what was in the way."""


class CopyingIsolation(Generic[D]):
    """The databases of tests that commit for real, put back or removed after each.

    Args:
        database: Gives the worker's database, and brings it up at the first call.
        give_up: Gives up the sandbox's connections that an earlier test has left in a transaction.
        copier: Does what the kind does.

    Attributes:
        clones_wanted: Of no interest: a copy is made when it is asked for.
        used: The running test has asked for its database.
        shown: Of no interest: a copy is removed after its test.
    """

    def __init__(
        self,
        database: Callable[[], WorkerDatabase[D]],
        give_up: Callable[[], list[Link]],
        copier: Copier[D],
    ) -> None:
        self._database = database
        self._give_up = give_up
        self._copier = copier
        self._strategy = ROLLBACK
        self._restoration: Restoration | None = None
        self._clone: D | None = None
        self._clones = 0
        self._restoring = Due()
        self.clones_wanted = 0
        self.used = False
        self.shown = False

    def begin(self, strategy: str) -> str:
        """A test begins; nobody knows yet which copy it will have."""
        self._strategy = strategy
        self.used = False
        return ""

    def destination(self) -> D:
        """Return the database of the running test; for a clone, copy the template."""
        worker = self._database()
        with self._restoring.turn:
            if self._strategy == CLONE:
                if self._clone is None:
                    self._clones += 1
                    self._clone = self._copier.copy(worker, self._clones)
                self.used = True
                return self._clone
            if not self.used:
                if left := self._give_up():
                    self._copier.end(worker, left)
                if self._restoration is None:
                    self._restoration = self._copier.restoration(worker)
                self._restoration.prepare()
            self.used = True
            return worker.destination

    def finish(self) -> None:
        """Nothing: no server ends who is in the way of a teardown before its own patience does."""

    def release(self) -> tuple[list[Any], list[str]]:
        """Nothing was ended."""
        return [], []

    def end(self, router: Router) -> Put | None:
        """The test has ended, and has used its database."""
        clone, self._clone = self._clone, None
        if clone is not None:
            router.drop(clone)
            return self._copier.remove(clone)
        if self._strategy == CLONE or self._restoration is None:
            return None
        self._restoring.leave()
        return self._restoration.clear()

    def settle(self, router: Router) -> None:
        """Put the database back, or a fresh one in its place."""
        self._restoring.do(partial(self._restore, router))

    def renew(self, router: Router) -> None:
        """Put a fresh database in the place of the worker's."""
        router.lose_connections(self._database().destination.key)
        self.close()
        self._database().renew()

    def close(self) -> None:
        """End what puts it back."""
        if self._restoration is not None:
            self._restoration.close()

    def _restore(self, router: Router) -> None:
        assert self._restoration is not None  # noqa: S101 - it is under way
        if not self._restoration.restore():
            self.renew(router)
