"""psycopg 3, synchronous and asynchronous."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from pytest_oneloop.sandbox import greenlets
from pytest_oneloop.sandbox.drivers.onpostgresql import OnPostgresql
from pytest_oneloop.sandbox.executing import ExecutingConnection
from pytest_oneloop.sandbox.jsonadapters import JsonAdapters
from pytest_oneloop.sandbox.notifications import Deaf

if TYPE_CHECKING:
    from pytest_oneloop.sandbox.connection import SandboxedConnection
    from pytest_oneloop.sandbox.drivers import Driver

_HEARS: Final = frozenset({"notifies", "add_notify_handler"})
"""What of psycopg's connection lets a caller hear notifications."""

_IN_ERROR = {"ACTIVE", "INERROR", "UNKNOWN"}


class PsycopgConnection(ExecutingConnection):
    """What SQLAlchemy's two psycopg dialects, and psycopg's own functions, use."""

    autocommit = property(
        lambda self: self.oneloop_autocommit,
        lambda self, value: self.oneloop_note("autocommit", value),
    )
    read_only = property(
        lambda self: self.oneloop_read_only,
        lambda self, value: self.oneloop_note("read_only", value),
    )
    isolation_level = property(
        lambda self: self.oneloop_noted.get("isolation_level"),
        lambda self, value: self.oneloop_note("isolation_level", value),
    )
    deferrable = property(
        lambda self: self.oneloop_noted.get("deferrable"),
        lambda self, value: self.oneloop_note("deferrable", value),
    )

    @property  # type: ignore[misc]  # object's has a setter, which nothing here uses
    def __class__(self) -> Any:
        """Pass for the real connection: `TypeInfo.fetch` asks `isinstance`."""
        return type(self.oneloop_link.real)

    def set_autocommit(self, value: bool) -> None:  # noqa: FBT001 - psycopg's signature
        """Note it."""
        self.oneloop_note("autocommit", value)

    def set_isolation_level(self, value: object) -> None:
        """Note it: a test has one transaction, in which no other can be seen."""
        self.oneloop_note("isolation_level", value)

    def set_read_only(self, value: bool) -> None:  # noqa: FBT001 - psycopg's signature
        """Note it."""
        self.oneloop_note("read_only", value)

    def set_deferrable(self, value: bool) -> None:  # noqa: FBT001 - psycopg's signature
        """Note it."""
        self.oneloop_note("deferrable", value)

    def oneloop_real_cursor(self, *args: Any, **kwargs: Any) -> Any:
        """Return a cursor that converts JSON as its own engine has it."""
        driver: Any = self.oneloop_link.driver
        driver.convert(self.oneloop_wanted.get("context"))
        return super().oneloop_real_cursor(*args, **kwargs)

    def add_notice_handler(self, handler: Any) -> None:
        """Add it once: every connection of every pool adds the dialect's to the same real one."""
        known = self.oneloop_link.driver.notice_handlers  # type: ignore[attr-defined]
        if handler not in known:
            known.append(handler)
            self.oneloop_link.real.add_notice_handler(handler)

    def transaction(self, *args: Any, **kwargs: Any) -> Any:
        """Return psycopg's block of a transaction; inside the test's it is a savepoint."""
        self._use_raw()
        return self.oneloop_link.real.transaction(*args, **kwargs)

    @property
    def _connection(self) -> Any:
        """What the asynchronous dialect hands out as the driver's connection."""
        checkout = self._checkout
        if checkout is not None and checkout.sandbox.expendable:
            return Deaf(self.driver_connection, _HEARS, checkout.sandbox.listen)
        return self.driver_connection

    def notifies(self, *args: Any, **kwargs: Any) -> Any:
        """Return what yields notifications, unless none would come."""
        __tracebackhide__ = True
        if self._checkout is not None:
            self._checkout.sandbox.listen()
        return self.oneloop_link.real.notifies(*args, **kwargs)

    @property
    def closed(self) -> bool:
        """Whether it is of no more use."""
        return self.oneloop_link.dead

    broken = closed


class PsycopgDriver(OnPostgresql):
    """How to speak through psycopg."""

    facade: ClassVar[type[SandboxedConnection]] = PsycopgConnection
    hands_out: ClassVar[bool] = True
    raw_begins: ClassVar[bool] = True

    def __init__(self, real: Any) -> None:
        super().__init__(real)
        self.notice_handlers: list[object] = []
        self._adapters: JsonAdapters | None = None

    def convert(self, engines: Any) -> None:
        """Let the cursors to come convert JSON as an engine does; those that are there stay.

        Args:
            engines: What the engine converts by; `None` for one that does not say.
        """
        if engines is None:
            return
        adapters = JsonAdapters.of(engines)
        if adapters != self._adapters:
            adapters.register(getattr(self._real, "driver_connection", self._real).adapters)
            self._adapters = adapters

    def begin(self) -> None:
        """Begin by a command: psycopg reads the state off the protocol. One message."""
        self.script("BEGIN")

    def end(self) -> None:
        """Roll back. One message."""
        self.script("ROLLBACK")

    def script(self, sql: str) -> None:
        """Send a simple query, which may hold several commands, and is never prepared."""
        if hasattr(self._real, "run_async"):
            self._real.run_async(
                lambda connection: greenlets.unbroken(connection.execute(sql, prepare=False))
            )
        else:
            self._real.execute(sql, prepare=False)

    def failed_on_server(self, error: BaseException) -> bool:  # noqa: ARG002 - psycopg knows
        """Whether the server's transaction has failed, by psycopg's own account."""
        return self._real.info.transaction_status.name in _IN_ERROR

    def in_transaction(self) -> bool:
        """Whether the server is in a transaction, by the driver's account of its last answer."""
        inside: bool = self._real.info.transaction_status.name != "IDLE"
        return inside

    def is_closed(self) -> bool:
        """Whether the driver knows that the connection has ended."""
        closed: bool = self._real.closed
        return closed

    def backend(self) -> int:
        """Return the process id of the server's side."""
        pid: int = self._real.info.backend_pid
        return pid

    def close(self) -> None:
        """Close the connection."""
        self._real.close()

    def abandon(self) -> None:
        """Close the connection by libpq, which needs no loop."""
        getattr(self._real, "driver_connection", self._real).pgconn.finish()


DRIVER: type[Driver] = PsycopgDriver
