"""The databases of tests that commit for real, and how they are put back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_oneloop.errors.sandbox import SandboxError
    from pytest_oneloop.provision import Destination, WorkerDatabase
    from pytest_oneloop.sandbox.checkouts import Origin
    from pytest_oneloop.sandbox.limits import Limit
    from pytest_oneloop.sandbox.router import Router


ROLLBACK: Final = "rollback"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a test has left the database.

    Attributes:
        problems: The errors that the sandbox raised, which the application may have swallowed.
        limits: What the sandbox could not do as a real database would, without an error.
        left_open: Where connections were checked out that were not given back.
        used: The test has used the database.
    """

    problems: list[SandboxError] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    left_open: list[Origin] = field(default_factory=list)
    used: bool = False


class RealDatabases:
    """The databases of tests that commit for real, put back or dropped after each.

    Args:
        database: Gives the worker's database, and brings it up at the first call.
    """

    def __init__(self, database: Callable[[], WorkerDatabase]) -> None:
        self._database = database
        self._strategy = ROLLBACK

    def begin(self, strategy: str) -> Callable[[], Destination]:
        """A test begins.

        Returns:
            What gives its database, at the first call.
        """
        self._strategy = strategy
        return self.destination

    def destination(self) -> Destination:
        """Return the database of the running test."""
        return self._database().destination

    def end(self, router: Router) -> None:
        """The test has ended, and has used its database. On a thread without a loop."""
        router.lose_connections()
        self._database().renew()
