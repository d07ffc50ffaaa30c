"""What differs between the drivers: one module each."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

if TYPE_CHECKING:
    from pytest_oneloop.sandbox.connection import SandboxedConnection

SUPPORTED: Final = ("postgresql+asyncpg", "postgresql+psycopg", "postgresql+psycopg2")


class Driver(Protocol):
    """How to speak to one real connection, made by SQLAlchemy's dialect of the driver.

    All methods run where the connection lives: on its event loop, or in any thread. The ones that
    send something send one message, or as many as they say.
    """

    facade: ClassVar[type[SandboxedConnection]]
    """What the application's pool gets in place of the real connection."""

    hands_out: ClassVar[bool]
    """The application can get the driver's own connection, past the facade."""

    raw_begins: ClassVar[bool]
    """That connection, in the application's own set-up, begins a transaction by itself."""

    def __init__(self, real: Any) -> None: ...

    def begin(self) -> None:
        """Begin the test's transaction in the way that the driver knows of."""

    def end(self) -> None:
        """End it in that way, and be in autocommit again."""

    def script(self, sql: str) -> None:
        """Send several commands in one message; inside the test's transaction or outside."""

    def failed_on_server(self, error: BaseException) -> bool:
        """Whether an error of a statement made the server's transaction fail."""

    def in_transaction(self) -> bool:
        """Whether the server is in a transaction. Sends nothing."""

    def is_closed(self) -> bool:
        """Whether the connection is known to have ended. Sends nothing."""

    def backend(self) -> int:
        """Return the server's number of this connection. Sends nothing."""

    def end_backend(self, backend: int) -> None:
        """End another connection of the same server, and wait until it has gone."""

    def close(self) -> None:
        """Close the real connection."""

    def abandon(self) -> None:
        """End it on the server, although its loop has closed and nothing can be awaited."""


def driver_for(dialect: str, driver: str) -> type[Driver] | None:
    """Return the class for a dialect's driver, or `None` if there is none."""
    if f"{dialect}+{driver}" not in SUPPORTED:
        return None
    module = import_module(f"{__name__}.{driver}")
    found: type[Driver] = module.DRIVER
    return found
