"""psycopg2."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

import psycopg2
from psycopg2 import extensions

from pytest_oneloop.sandbox.connection import SandboxedConnection
from pytest_oneloop.sandbox.drivers.onpostgresql import OnPostgresql

if TYPE_CHECKING:
    from pytest_oneloop.sandbox.cursor import SandboxedCursor
    from pytest_oneloop.sandbox.drivers import Driver
    from pytest_oneloop.sandbox.homes import Home
    from pytest_oneloop.sandbox.link import Link


_NOWHERE = "host=/dev/null"


class Psycopg2Connection(SandboxedConnection, extensions.connection):
    """A connection of psycopg2 that never connected.

    `psycopg2.extensions.register_type`, which the dialect calls on each new connection, takes only
    instances of psycopg2's own class. So this is one: made from the address of a socket that cannot
    exist, it has the table of types that the function fills, and nothing else. The types are given
    to each cursor.
    """

    def __init__(self, link: Link, home: Home) -> None:
        with suppress(psycopg2.Error):
            extensions.connection.__init__(self, _NOWHERE)
        SandboxedConnection.__init__(self, link, home)

    def cursor(self, *args: Any, **kwargs: Any) -> SandboxedCursor:  # type: ignore[override]
        """Return a cursor that knows the types registered here."""
        cursor = SandboxedConnection.cursor(self, *args, **kwargs)
        types = (*self.string_types.values(), *self.binary_types.values())
        for known in {id(known): known for known in types}.values():
            extensions.register_type(known, cursor.oneloop_real)
        return cursor

    autocommit = property(
        lambda self: self.oneloop_autocommit,
        lambda self, value: self.oneloop_note("autocommit", value),
    )
    readonly = property(
        lambda self: self.oneloop_read_only,
        lambda self, value: self.oneloop_note("read_only", value),
    )
    deferrable = property(
        lambda self: self.oneloop_noted.get("deferrable"),
        lambda self, value: self.oneloop_note("deferrable", value),
    )
    isolation_level = property(
        lambda self: self.oneloop_noted.get("isolation_level"),
        lambda self, value: self.oneloop_note("isolation_level", value),
    )

    def set_isolation_level(self, level: int | None) -> None:
        """Note it: a test has one transaction, in which no other can be seen."""
        self.oneloop_note("autocommit", level == extensions.ISOLATION_LEVEL_AUTOCOMMIT)
        self.oneloop_note("isolation_level", level)

    @property
    def closed(self) -> int:
        """Whether it is of no more use, in psycopg2's numbers."""
        return int(self.oneloop_link.dead)


def _forward(name: str) -> property:
    return property(lambda self: getattr(self.oneloop_link.real, name))


for _name in (
    "encoding",
    "dsn",
    "info",
    "notices",
    "notifies",
    "protocol_version",
    "server_version",
    "status",
    "get_backend_pid",
    "get_dsn_parameters",
    "get_parameter_status",
    "get_transaction_status",
    "set_client_encoding",
):
    # psycopg2's own class has them as well, and would answer for a connection that never was.
    setattr(Psycopg2Connection, _name, _forward(_name))


class Psycopg2Driver(OnPostgresql):
    """How to speak through psycopg2.

    The driver begins the test's transaction by itself, since its cursors of the server refuse to
    work in what it believes to be autocommit.
    """

    facade: ClassVar[type[SandboxedConnection]] = Psycopg2Connection
    hands_out: ClassVar[bool] = False
    raw_begins: ClassVar[bool] = True

    def begin(self) -> None:
        """Let the driver send `BEGIN` before the next command. One message, with that."""
        self._real.autocommit = False

    def end(self) -> None:
        """Roll back. One message."""
        self._real.rollback()
        self._real.autocommit = True

    def script(self, sql: str) -> None:
        """Send a simple query, which may hold several commands."""
        with self._real.cursor() as cursor:
            cursor.execute(sql)

    def failed_on_server(self, error: BaseException) -> bool:  # noqa: ARG002 - psycopg2 knows
        """Whether the server's transaction has failed, by psycopg2's own account."""
        status: int = self._real.get_transaction_status()
        return status != extensions.TRANSACTION_STATUS_INTRANS

    def in_transaction(self) -> bool:
        """Whether the server is in a transaction, by the driver's account of its last answer."""
        status: int = self._real.get_transaction_status()
        return status != extensions.TRANSACTION_STATUS_IDLE

    def is_closed(self) -> bool:
        """Whether the driver knows that the connection has ended."""
        return bool(self._real.closed)

    def backend(self) -> int:
        """Return the process id of the server's side."""
        pid: int = self._real.get_backend_pid()
        return pid

    def close(self) -> None:
        """Close the connection."""
        self._real.close()

    def abandon(self) -> None:
        """Close the connection, unless a thread runs a statement on it: that would be waited for.

        Such a one is left to the server, which ends it.
        """
        if self._real.info.transaction_status != extensions.TRANSACTION_STATUS_ACTIVE:
            self._real.close()


DRIVER: type[Driver] = Psycopg2Driver
