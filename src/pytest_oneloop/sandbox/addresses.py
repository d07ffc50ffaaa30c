"""Where the application's engines point: to how many databases, if they were led nowhere."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import event
from sqlalchemy.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.engine import Dialect

_ON_SERVERS: Final = ("postgresql", "mysql", "mariadb")
"""The dialects whose engines are led to a database on a server."""

_NAMES: Final = ("database", "dbname", "db")
"""What drivers call the database that they connect to."""

_OWN: Final = "oneloop_"
"""How the names of the plugin's databases begin."""


class Addresses:
    """Notes what engines would have connected to. Sends nothing, and keeps no engine.

    Args:
        same: For an address, another one that means the same database.
    """

    def __init__(self, same: Mapping[str, str]) -> None:
        self._same = same
        self._found: dict[str, None] = {}
        self._unheard = 0

    @property
    def found(self) -> list[str]:
        """The addresses of different databases, `host/name`, in the order of their first use."""
        return list(self._found)

    def listen(self) -> None:
        """Begin to note; before whoever answers for engines, after whom nobody is asked."""
        event.listen(Engine, "do_connect", self._on_connect)

    def close(self) -> None:
        """Note no more."""
        event.remove(Engine, "do_connect", self._on_connect)

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """Note nothing meanwhile: migrations have a URL of their own, for one database."""
        self._unheard += 1
        try:
            yield
        finally:
            self._unheard -= 1

    def note(self, parameters: Mapping[str, Any]) -> None:
        """Note what a driver would be given to connect."""
        database = next((str(parameters[name]) for name in _NAMES if parameters.get(name)), "")
        if not database or database.startswith(_OWN):
            return
        address = f"{parameters.get('host') or 'localhost'}/{database}"
        self._found[self._same.get(address, address)] = None

    def _on_connect(
        self, dialect: Dialect, _entry: object, _arguments: object, parameters: dict[str, Any]
    ) -> None:
        if dialect.name in _ON_SERVERS and not self._unheard:
            self.note(parameters)
