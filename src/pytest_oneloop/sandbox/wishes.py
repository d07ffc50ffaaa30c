"""What engines want."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

    from pytest_oneloop.sandbox.drivers import Driver


@dataclass(frozen=True, slots=True)
class Wish:
    """What an engine wants to connect to, and by what.

    Attributes:
        key: The database that it means.
        dialect: The engine's.
        driver: The class of its driver.
        parameters: What it would have connected with.
        database: What it would have given by position: SQLite's file, or its URI.
    """

    key: str
    dialect: Dialect
    driver: type[Driver]
    parameters: dict[str, Any]
    database: str = ""

    @property
    def name(self) -> str:
        """The dialect and the driver: `postgresql+asyncpg`."""
        return f"{self.dialect.name}+{self.dialect.driver}"

    @property
    def wanted(self) -> dict[str, Any]:
        """Those parameters that may hold for a connection that all share."""
        names = self.parameters.keys() - self.driver.unwanted
        return {name: self.parameters[name] for name in names}

    @property
    def reads_only(self) -> bool:
        """Whether the URI of SQLite's file says that nothing is changed by this connection."""
        path, _, options = self.database.partition("?")
        if self.dialect.name != "sqlite" or not path.startswith("file:"):
            return False
        found = parse_qs(options)
        return "ro" in found.get("mode", []) or "1" in found.get("immutable", [])
