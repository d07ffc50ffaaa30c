"""asyncmy."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pytest_oneloop.sandbox.drivers.aiomysql import AiomysqlConnection, AiomysqlDriver

if TYPE_CHECKING:
    from pytest_oneloop.sandbox.connection import SandboxedConnection
    from pytest_oneloop.sandbox.drivers import Driver


class AsyncmyConnection(AiomysqlConnection):
    """What SQLAlchemy's asyncmy dialect reads and sets on a connection."""


class AsyncmyDriver(AiomysqlDriver):
    """How to speak through asyncmy, which was made of aiomysql."""

    facade: ClassVar[type[SandboxedConnection]] = AsyncmyConnection

    def is_closed(self) -> bool:
        """Whether the driver knows that the connection has ended."""
        return not self._own.connected


DRIVER: type[Driver] = AsyncmyDriver
