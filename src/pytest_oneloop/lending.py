"""Clones that are lent to tests, one after another, each with the connections that it has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pytest_oneloop.databases.clones import Clones

if TYPE_CHECKING:
    from pytest_oneloop.plan import WorkerDatabase
    from pytest_oneloop.provision import Destination
    from pytest_oneloop.sandbox.router import Router

_AHEAD: Final = 2
"""How many clones are ready before a test asks: each takes 10 MB, and some 15 ms."""


class Lending:
    """The clones of one worker's template, as the router's targets.

    Args:
        worker: The worker's database.
        wanted: How many tests will want a clone, as far as is known.
    """

    def __init__(self, worker: WorkerDatabase[Destination], wanted: int) -> None:
        own = worker.destination
        self._clones = Clones(own.address, worker.template, own.database, _AHEAD, wanted)
        # A clone's ids are as the template has them.
        self._like = replace(own, ids=type(own.ids)())
        self._known: dict[str, Destination] = {}
        self._reserved = False
        self.lent: Destination | None = None

    def reserve(self) -> str:
        """Lend a clone to the test that begins, if one is ready; return its name, or nothing.

        One that the test does not use is kept for the next.
        """
        if self.lent is None and (name := self._clones.take_ready()) is not None:
            self.lent = self._target(name)
            self._reserved = True
        return self.lent.database if self.lent is not None else ""

    def lend(self) -> Destination:
        """Return the clone of the running test; wait for one if there is none yet."""
        if self.lent is None:
            self.lent = self._target(self._clones.take())
            self._reserved = False
        return self.lent

    def take_back(self, router: Router, *, shown: bool) -> None:
        """The test has ended, and has used the clone.

        Args:
            router: Leads the engines.
            shown: The test has asked for its name: whoever it has told might come back.
        """
        lent, self.lent = self.lent, None
        if lent is not None:
            if not self._reserved:
                # Its connections are in pools that are of no clone in particular.
                router.drop(lent)
            self._clones.give_back(lent.database, spare=None if shown else router.idle(lent))
        for name in self._clones.lost():
            router.forget(self._known.pop(name), name)

    def close(self) -> None:
        """Drop all of them."""
        self._clones.close()

    def _target(self, name: str) -> Destination:
        return self._known.setdefault(name, replace(self._like, database=name))
