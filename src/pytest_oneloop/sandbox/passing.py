"""Tells which connections are none of the plugin's business."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_oneloop.passthrough import is_driver_always_led

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.pool import ConnectionPoolEntry

_PASSED = "oneloop_passed"


@dataclass(frozen=True, slots=True)
class Passing:
    """The connections that are let through to their own databases.

    Attributes:
        names: Of dialects, or of dialect and driver.
    """

    names: frozenset[str]

    def lets(self, dialect: str, driver: str, entry: ConnectionPoolEntry | None) -> bool:
        """Whether an engine's connection goes where its URL says; its place in a pool notes it.

        Args:
            dialect: The name of SQLAlchemy's dialect.
            driver: The driver's.
            entry: Its place in a pool; some who ask an engine for a connection have none.
        """
        if self.names.isdisjoint((dialect, f"{dialect}+{driver}")):
            return False
        if entry is not None:
            entry.info[_PASSED] = True
        return True

    def has_marked(self, info: Mapping[Any, Any]) -> bool:
        """Whether a connection of a pool was let through, by what is noted at its place."""
        return bool(info.get(_PASSED))

    def has_let(self, connection: object, entry: ConnectionPoolEntry) -> bool:
        """Whether a connection was let through, or was made by a `creator` of such a dialect."""
        module = type(connection).__module__
        return self.has_marked(entry.info) or (
            not is_driver_always_led(module) and any(name in module for name in self.names)
        )
