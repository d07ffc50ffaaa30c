"""asyncpg."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pytest_oneloop.sandbox import greenlets
from pytest_oneloop.sandbox.drivers.onpostgresql import OnPostgresql
from pytest_oneloop.sandbox.executing import ExecutingConnection
from pytest_oneloop.sandbox.notifications import Deaf

if TYPE_CHECKING:
    from pytest_oneloop.sandbox.connection import SandboxedConnection
    from pytest_oneloop.sandbox.drivers import Driver

_HEARS: Final = frozenset({"add_listener"})
"""What of asyncpg's connection lets a caller hear notifications."""


class AsyncpgConnection(ExecutingConnection):
    """What SQLAlchemy's asyncpg dialect reads and sets on a connection."""

    readonly = property(
        lambda self: self.oneloop_read_only,
        lambda self, value: self.oneloop_note("read_only", value),
    )
    deferrable = property(
        lambda self: self.oneloop_noted.get("deferrable", False),
        lambda self, value: self.oneloop_note("deferrable", value),
    )
    autocommit = property(
        lambda self: self.oneloop_autocommit,
        lambda self, value: self.oneloop_note("autocommit", value),
    )

    @property
    def _connection(self) -> Any:
        """What the dialect hands out as the driver's connection, in a form for the caller's loop.

        It also asks this whether it is closed, after each error. A transaction that has failed can
        do nothing more with it, so that is not counted as a use of the driver.
        """
        checkout = self._checkout
        if checkout is not None and self.oneloop_link.failed(checkout):
            return self.oneloop_home.outward(self.oneloop_link.real.driver_connection)
        if checkout is not None and checkout.sandbox.expendable:
            return Deaf(self.driver_connection, _HEARS, checkout.sandbox.listen)
        return self.driver_connection

    def set_isolation_level(self, level: str) -> None:
        """Note it: a test has one transaction, in which no other can be seen."""
        self.oneloop_note("autocommit", level == "autocommit")
        self.oneloop_note("isolation_level", level)


class AsyncpgDriver(OnPostgresql):
    """How to speak through asyncpg.

    Its own `Transaction` begins the test's transaction, so that `Connection.transaction()` of the
    application finds one open, and nests; by a `BEGIN` of ours it would refuse.
    """

    facade: ClassVar[type[SandboxedConnection]] = AsyncpgConnection
    hands_out: ClassVar[bool] = True
    raw_begins: ClassVar[bool] = False

    def __init__(self, real: Any) -> None:
        super().__init__(real)
        self._transaction: Any = None

    def begin(self) -> None:
        """Begin by the driver's own means. One message."""
        self._transaction = self._real.driver_connection.transaction()
        self._real.run_async(lambda _: greenlets.unbroken(self._transaction.start()))

    def end(self) -> None:
        """Roll back by the driver's own means. One message."""
        transaction, self._transaction = self._transaction, None
        self._real.run_async(lambda _: greenlets.unbroken(transaction.rollback()))

    def script(self, sql: str) -> None:
        """Send a simple query, which may hold several commands."""
        self._real.run_async(lambda connection: greenlets.unbroken(connection.execute(sql)))

    def failed_on_server(self, error: BaseException) -> bool:
        """Whether the server said so: only its errors have an SQLSTATE.

        A statement that was interrupted counts as failed, since nobody can know.
        """
        return getattr(error, "sqlstate", None) is not None or not (
            isinstance(error, Exception) and not isinstance(error, TimeoutError)
        )

    def in_transaction(self) -> bool:
        """Whether the server is in a transaction, by the driver's account of its last answer."""
        inside: bool = self._real.driver_connection.is_in_transaction()
        return inside

    def is_closed(self) -> bool:
        """Whether the driver knows that the connection has ended."""
        closed: bool = self._real.driver_connection.is_closed()
        return closed

    def backend(self) -> int:
        """Return the process id of the server's side."""
        pid: int = self._real.driver_connection.get_server_pid()
        return pid

    def close(self) -> None:
        """Close the connection."""
        self._real.close()

    def abandon(self) -> None:
        """Say goodbye to the server; the socket goes with the connection's memory."""
        with suppress(RuntimeError):  # asyncio would like to call back, on a loop that has closed
            self._real.driver_connection.terminate()


DRIVER: type[Driver] = AsyncpgDriver
