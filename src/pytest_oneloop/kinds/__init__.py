"""Kinds of databases: what the run asks of one, by the name of SQLAlchemy's dialect.

A kind brings three things: a worker's database (`provide`), what puts it back after tests that
commit, with clones of it (`isolation`), and the words for the header (`forecast`). Each kind is one
module here, which wires its folder of `databases` with the schema's sources. How to speak to a
connection of its drivers is said in `sandbox.drivers`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from pytest_oneloop.forecast import Forecast
    from pytest_oneloop.isolation import Put
    from pytest_oneloop.plan import Plan, WorkerDatabase
    from pytest_oneloop.sandbox.link import Link
    from pytest_oneloop.sandbox.router import Router

KINDS: Final = ("postgresql", "sqlite", "mysql")
"""The names of the dialects; each is a module of this package. The first is the default."""


class Destination(Protocol):
    """One database that tests use, as the router's target and as fixtures show it."""

    @property
    def key(self) -> str:
        """Which one of the run's it is."""

    @property
    def dialect(self) -> str:
        """The name of SQLAlchemy's dialect."""

    @property
    def database(self) -> str:
        """Its name."""

    def url(self, drivername: str) -> str:
        """Return the URL by which a driver reaches it, with the password if it has one."""


class Isolation(Protocol):
    """The databases of tests that commit for real: how they are given, and put back.

    One object for each database and worker. A test that does not use the database costs it nothing.

    Attributes:
        clones_wanted: How many tests will want a clone, as far as is known.
        used: The running test has asked for its database, by an engine or by the URL.
        shown: It was told the name of the database, by which others may connect.
    """

    clones_wanted: int
    used: bool
    shown: bool

    def begin(self, strategy: str) -> str:
        """A test begins, under `rollback`, `commit` or `clone`.

        Returns:
            The name of the clone that it will have; nothing, if it may be any, or none.
        """

    def destination(self) -> Any:
        """Return the database of the running test, a `Destination` and `Target`."""

    def finish(self) -> None:
        """The test itself has ended; its fixtures are torn down next."""

    def release(self) -> tuple[list[Any], list[str]]:
        """Its teardown has ended.

        Returns:
            The sessions that it has waited for too long, with `pid`, and the names of prepared
            transactions likewise. All of them were ended.
        """

    def end(self, router: Router) -> Put | None:
        """The test has ended, and has used its database: it begins to be put back.

        Returns:
            Which sessions were in the way; `None` for a clone.
        """

    def settle(self, router: Router) -> None:
        """Wait until the database is as the template has it, or replace it if it cannot be."""

    def renew(self, router: Router) -> None:
        """Replace the worker's database by a fresh one."""

    def close(self) -> None:
        """Drop what is left. On a thread without a loop."""


class Kind(Protocol):
    """One kind of database.

    Attributes:
        dialect: The name of SQLAlchemy's dialect.
    """

    dialect: str

    def provide(self, plan: Plan) -> AbstractContextManager[WorkerDatabase[Any]]:
        """Return a context that holds the worker's database. On a thread without a loop."""

    def isolation(
        self,
        database: Callable[[], WorkerDatabase[Any]],
        give_up: Callable[[], list[Link]],
    ) -> Isolation:
        """Return what puts it back. Costs nothing before a test commits for real.

        Args:
            database: Gives the worker's database, and brings it up at the first call.
            give_up: Gives up the sandbox's connections that an earlier test has left in a
                transaction, and returns them.
        """

    def asynchronous_drivername(self, preferred: str | None) -> str:
        """Choose the driver for engines that the plugin's fixtures make.

        Args:
            preferred: The one that the schema's source has connected with, if any.
        """

    def forecast(self, plan: Plan) -> Forecast:
        """Say what a run will use, without starting or importing anything of the project."""


def kind_of(dialect: str) -> Kind:
    """Return the kind of a dialect that is one of `KINDS`."""
    found: Kind = import_module(f"{__name__}.{dialect}").KIND
    return found


__all__ = ["KINDS", "Destination", "Isolation", "Kind", "kind_of"]
