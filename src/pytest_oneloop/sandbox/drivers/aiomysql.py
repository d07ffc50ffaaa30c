"""aiomysql."""

from __future__ import annotations

import socket
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
        """Shut the socket down, which ends the server's side; its loop has closed."""
        if self.is_closed():
            return
        with suppress(OSError):  # the server has ended it already
            transport_of(self._own).get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        with suppress(RuntimeError):  # asyncio would like to call back, on a loop that has closed
            self._own.close()
        # Broken off there, it still holds the transport; this lets go of it.
        self._own.close()


def transport_of(connection: Any) -> Any:
    """Return asyncio's transport of an open connection of aiomysql or asyncmy.

    A private use: neither can be closed without its loop, and the server would keep its locks until
    the memory of the connection is freed.
    """
    own = getattr(connection, "_transport", None)
    return connection._writer.transport if own is None else own  # noqa: SLF001 - see above


DRIVER: type[Driver] = AiomysqlDriver
