"""What differs between the drivers: one module each."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from re import findall
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from pytest_oneloop.errors.sandbox import OutdatedDriverError, UnsupportedDialectError

if TYPE_CHECKING:
    from pytest_oneloop.errors.sandbox import SandboxError
    from pytest_oneloop.sandbox.connection import SandboxedConnection

SUPPORTED: Final = (
    *("postgresql+asyncpg", "postgresql+psycopg", "postgresql+psycopg2"),
    *("sqlite+aiosqlite", "sqlite+pysqlite"),
    *("mysql+aiomysql", "mysql+asyncmy", "mysql+pymysql"),
    *("mariadb+aiomysql", "mariadb+asyncmy", "mariadb+pymysql"),
)

SINCE: Final = {
    # Earlier ones ask the server for types when SQLAlchemy prepares a new connection of a pool: in
    # the sandbox, in the middle of what another task sends.
    "asyncpg": "0.31",
}
"""The oldest release that will do, of drivers of which older ones are about."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a test's transaction that came by itself.

    Attributes:
        error: What to raise.
        leaked: What the test wrote is in the database for good.
    """

    error: SandboxError
    leaked: bool


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

    unwanted: ClassVar[frozenset[str]]
    """What the application may tell `connect` of transactions, which are the sandbox's own."""

    unlock: ClassVar[str]
    """SQL that lets go of what outlives a transaction: locks of a session. May be empty."""

    forget: ClassVar[str]
    """SQL that undoes what has soiled a connection which later tests must have. May be empty."""

    clean: ClassVar[str]
    """SQL by which a connection forgets one test before another has it. May be empty."""

    poison: ClassVar[str]
    """SQL that makes the transaction fail. Empty where an error leaves it as it was."""

    defer: ClassVar[str]
    """SQL that defers constraints once they were checked, with `{}` for names. May be empty."""

    ends_by_itself: ClassVar[bool]
    """A statement may end the server's transaction, and the driver knows of it at once."""

    close_cursors: ClassVar[str]
    """SQL that closes cursors of the server that the driver leaves open. May be empty."""

    reset: ClassVar[str]
    """SQL that takes back what listeners have set for the whole session. May be empty."""

    farewells: ClassVar[frozenset[int]]
    """The numbers of errors by which a server tells that it ends the connection."""

    soiled: bool
    """A test has changed what no rollback puts back, so no other test may have it."""

    def __init__(self, real: Any) -> None: ...

    def begin(self) -> None:
        """Begin the test's transaction in the way that the driver knows of."""

    def end(self) -> None:
        """End it in that way, and be in autocommit again."""

    def script(self, sql: str) -> None:
        """Send several commands in one message; inside the test's transaction or outside."""

    def failed_on_server(self, error: BaseException) -> bool:
        """Whether an error of a statement made the server's transaction fail.

        Asked of each error, before `in_transaction`, so that the driver may learn from it.
        """

    def in_transaction(self) -> bool:
        """Whether the server is in a transaction. Sends nothing."""

    def is_closed(self) -> bool:
        """Whether the connection is known to have ended. Sends nothing."""

    def backend(self) -> int:
        """Return the server's number of this connection. Sends nothing."""

    def end_other(self, other: Driver) -> None:
        """End another connection to the same database, whose loop may not run, and wait for it."""

    def check_deferred(self) -> None:
        """Check deferred constraints as a commit would; raise the driver's own error."""

    @staticmethod
    def direct(arguments: dict[str, Any]) -> dict[str, Any]:
        """Return what `connect` takes for a connection with real commits, which nobody watches.

        Args:
            arguments: What it takes to get to the test's database.
        """

    @staticmethod
    def changes_session(sql: str) -> bool:
        """Whether a statement may change what the connection keeps for later tests."""

    @staticmethod
    def outlives_rollback(sql: str) -> bool:
        """Whether a statement may change what the connection keeps after a rollback, too."""

    def ended(self, *, test: str, place: str, error: BaseException | None) -> Ended:
        """Say what it means that a statement has ended the transaction of a test.

        Called only where `ends_by_itself` is true.

        Args:
            test: The test.
            place: Where the statement's connection was checked out.
            error: What the statement has raised, if it has.
        """

    def close(self) -> None:
        """Close the real connection."""

    def abandon(self) -> None:
        """End it on the server, although its loop has closed and nothing can be awaited."""


def driver_for(dialect: str, driver: str) -> type[Driver]:
    """Return the class for a dialect's driver.

    Raises:
        UnsupportedDialectError: There is none.
        OutdatedDriverError: The release that is installed will not do.
    """
    name = f"{dialect}+{driver}"
    if name not in SUPPORTED:
        raise UnsupportedDialectError(dialect=name, supported=SUPPORTED)
    if (needed := SINCE.get(driver)) is not None:
        release = str(import_module(driver).__version__)
        if _numbers(release) < _numbers(needed):
            raise OutdatedDriverError(driver=driver, release=release, needed=needed)
    module = import_module(f"{__name__}.{driver}")
    found: type[Driver] = module.DRIVER
    return found


def _numbers(release: str) -> list[int]:
    return [int(number) for number in findall(r"\d+", release)]
