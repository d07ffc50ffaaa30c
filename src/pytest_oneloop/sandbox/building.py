"""Leads every engine straight to a database whose schema is being built."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_oneloop.errors.sqlite import ForeignSchemaError
from pytest_oneloop.passthrough import ALWAYS_LED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Dialect

    from pytest_oneloop.sandbox.links import Target


class Building:
    """The database whose schema is being built, on one thread, if any is.

    Attributes:
        target: The database; `None` while none is built.
    """

    def __init__(self) -> None:
        self.target: Target | None = None
        self._thread = 0

    @contextmanager
    def redirected(self, target: Target) -> Iterator[None]:
        """Lead the connections of this thread to a database, with real commits."""
        before, self.target = self.target, target
        self._thread = threading.get_ident()
        try:
            yield
        finally:
            self.target = before

    def leads(self, dialect: Dialect, parameters: dict[str, Any]) -> dict[str, Any] | None:
        """Return the arguments that lead a connection there; `None` if it is another's.

        Raises:
            ForeignSchemaError: It is meant for a database of another dialect.
        """
        if self.target is None or self._thread != threading.get_ident():
            return None
        if dialect.name != self.target.dialect:
            wanted, other = self.target.dialect, f"{dialect.name}+{dialect.driver}"
            raise ForeignSchemaError(wanted=wanted, other=other, passable=wanted != ALWAYS_LED)
        return self.target.connect_arguments(dialect, parameters)
