"""aiomysql."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_oneloop.sandbox.drivers.onmysql import MySQLConnection, OnMysql

if TYPE_CHECKING:
    from pytest_oneloop.sandbox.connection import SandboxedConnection
    from pytest_oneloop.sandbox.drivers import Driver


class AiomysqlConnection(MySQLConnection):
    """What SQLAlchemy's aiomysql dialect reads and sets on a connection."""

    @property
    def _connection(self) -> Any:
        """What the dialect hands out as the driver's connection."""
        return self.driver_connection


class AiomysqlDriver(OnMysql):
    """How to speak through aiomysql."""

    facade: ClassVar[type[SandboxedConnection]] = AiomysqlConnection

    def is_closed(self) -> bool:
        """Whether the driver knows that the connection has ended."""
        closed: bool = self._own.closed
        return closed

    def close(self) -> None:
        """Close the connection."""
        self._real.close()

    def abandon(self) -> None:
        """Close the socket, which ends the server's side; its loop has closed."""
        with suppress(RuntimeError):  # asyncio would like to call back, on a loop that has closed
            self._own.close()


DRIVER: type[Driver] = AiomysqlDriver
