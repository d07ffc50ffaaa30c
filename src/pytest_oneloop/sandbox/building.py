"""Leads every engine straight to a database whose schema is being built."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from pytest_oneloop.errors.addresses import OtherDatabaseError
from pytest_oneloop.errors.sqlite import ForeignSchemaError
from pytest_oneloop.keys import dialect_of, led_as, name_of
from pytest_oneloop.passthrough import ALWAYS_LED
from pytest_oneloop.sandbox.addresses import address, is_nowhere

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy.engine import Dialect

    from pytest_oneloop.sandbox.addresses import Addresses
    from pytest_oneloop.sandbox.links import Target

_DEADLINE: Final = 1800.0
"""Seconds for another thread to build: the longest migration that anyone would wait for."""


class Building:
    """The databases whose schemas are being built, each on a thread of its own: one at a time.

    What builds (Alembic's proxies, loggers, the search path) is of the whole process.

    Args:
        addresses: Tells which database an engine means.
    """

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._turn = threading.Lock()
        self._targets: dict[int, Target] = {}

    @property
    def target(self) -> Target | None:
        """The database that is built on this thread; `None` if none is."""
        return self._targets.get(threading.get_ident())

    @contextmanager
    def redirected(self, target: Target) -> Iterator[None]:
        """Lead the connections of this thread to a database, with real commits.

        Raises:
            TimeoutError: Another thread has built for half an hour.
        """
        if not self._turn.acquire(timeout=_DEADLINE):
            raise TimeoutError(f"another schema was being built for {_DEADLINE:g} s")
        try:
            self._targets[threading.get_ident()] = target
            yield
        finally:
            del self._targets[threading.get_ident()]
            self._turn.release()

    def leads(
        self, dialect: Dialect, arguments: Sequence[Any], parameters: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Return what leads a connection of this thread there; `None` if nothing is built on it.

        Args:
            dialect: The engine's.
            arguments: What its driver would be given to connect.
            parameters: The rest of that, by name.

        Raises:
            ForeignSchemaError: It is meant for a database of another dialect.
            OtherDatabaseError: It is meant for another database.
        """
        target = self.target
        if target is None:
            return None
        wanted = dialect_of(target.key)
        if led_as(dialect.name) != wanted:
            other = f"{dialect.name}+{dialect.driver}"
            raise ForeignSchemaError(wanted=wanted, other=other, passable=wanted != ALWAYS_LED)
        key = self._addresses.key(dialect, arguments, parameters)
        nowhere = is_nowhere(arguments, parameters)
        if key != target.key and not nowhere:
            raise OtherDatabaseError(
                wanted=name_of(target.key),
                other=name_of(key),
                address=address(dialect, arguments, parameters),
            )
        if not nowhere and not name_of(target.key):
            self._addresses.note_source(dialect, arguments, parameters)
        return target.connect_arguments(dialect, dict(parameters))
