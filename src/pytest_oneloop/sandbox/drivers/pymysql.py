"""PyMySQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from pytest_oneloop.sandbox.drivers.onmysql import MySQLConnection, OnMysql
from pytest_oneloop.sandbox.mysql.text import commands

if TYPE_CHECKING:
    from pytest_oneloop.sandbox.connection import SandboxedConnection
    from pytest_oneloop.sandbox.drivers import Driver

_IN_TRANSACTION: Final = 1
"""SERVER_STATUS_IN_TRANS of MySQL's protocol."""


class PymysqlConnection(MySQLConnection):
    """What SQLAlchemy's PyMySQL dialect reads and sets on a connection."""


class PymysqlDriver(OnMysql):
    """How to speak through PyMySQL.

    It takes one command in a message, unless it was told otherwise when it connected. Then the
    application would have it too, so each command of ours is a message.
    """

    facade: ClassVar[type[SandboxedConnection]] = PymysqlConnection
    hands_out: ClassVar[bool] = False

    def script(self, sql: str) -> None:
        """Send commands, one message each."""
        self._rolled_back = False
        for command in commands(sql):
            self._real.query(command)

    def in_transaction(self) -> bool:
        """Whether the server is in a transaction, by its last answer that was no error."""
        return not self._rolled_back and bool(self._real.server_status & _IN_TRANSACTION)

    def is_closed(self) -> bool:
        """Whether the driver knows that the connection has ended."""
        return not self._real.open

    def close(self) -> None:
        """Close the connection."""
        self._real.close()

    def abandon(self) -> None:
        """Close the connection."""
        if self._real.open:
            self._real.close()


DRIVER: type[Driver] = PymysqlDriver
