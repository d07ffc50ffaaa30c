"""A MySQL or MariaDB server: its address, and connections of the plugin's own to it."""

from __future__ import annotations

import importlib
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pytest_oneloop.errors.mysql import (
    MissingMySQLDriverError,
    MySQLAuthenticationError,
    MySQLUnreachableError,
    MySQLUrlError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import URL

_PORT: Final = 3306
_SECONDS: Final = 10
_PATIENCE: Final = 120.0
"""Seconds for one answer: to copy large tables takes long."""
LOCK_SECONDS: Final = 5
"""Seconds for each lock of rows or tables that the plugin itself waits for."""

_MULTI_STATEMENTS: Final = 1 << 16
"""CLIENT_MULTI_STATEMENTS of the protocol: several commands in one message."""

_REFUSED: Final = frozenset({1044, 1045, 1698, 1130, 1251, 2059})
"""Error numbers of a log-in that was refused."""

_SETTINGS: Final = (
    # A table may have an id of zero; rows are written in any order.
    "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO', foreign_key_checks = 0, unique_checks = 0,"
    # Who waits longer than this for a lock waits for a session that nobody expects there.
    f" lock_wait_timeout = {LOCK_SECONDS}, innodb_lock_wait_timeout = {LOCK_SECONDS}"
    # For MariaDB alone, from these versions on: history is copied and put back like rows.
    " /*M!100304 , system_versioning_alter_history = KEEP */"
    " /*M!101100 , system_versioning_insert_history = 1 */"
)


@dataclass(frozen=True, slots=True)
class MySQLAddress:
    """The address of one server.

    Attributes:
        host: A name or number.
        port: The TCP port.
        user: May create databases whose names begin with `oneloop_`.
        password: Its password; never shown by `repr`.
    """

    host: str
    port: int
    user: str
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def url(self, drivername: str, database: str) -> URL:
        """Return the URL by which a driver reaches one database."""
        from sqlalchemy import URL  # noqa: PLC0415 - costs 100 ms; only a run that needs it pays

        return URL.create(
            drivername, self.user, self.password or None, self.host, self.port, database
        )


def parse_mysql_url(text: str, *, source: str) -> MySQLAddress:
    """Read a server's address from a URL such as `mysql://user:password@host:3306/`.

    Args:
        text: The URL. A driver in the scheme, and a database, are allowed and say nothing.
        source: Where it was set, for the error.

    Raises:
        MySQLUrlError: It is not such a URL.
    """
    from sqlalchemy import make_url  # noqa: PLC0415 - costs 100 ms; only a run that needs it pays
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError) as error:
        reason = "the port is not a number" if isinstance(error, ValueError) else "it is not a URL"
        raise MySQLUrlError(text, source=source, reason=reason) from None
    if url.query:
        reason = f"the option {min(url.query)!r} is not understood"
        raise MySQLUrlError(text, source=source, reason=reason)
    if not url.username:
        raise MySQLUrlError(text, source=source, reason="there is no user in it")
    return MySQLAddress(
        url.host or "127.0.0.1", url.port or _PORT, url.username, url.password or ""
    )


class Session:
    """One connection of the plugin's own, in autocommit.

    Args:
        connection: PyMySQL's.
        address: The server.
    """

    def __init__(self, connection: Any, address: MySQLAddress) -> None:
        self._connection = connection
        self.address = address

    def rows(self, sql: str, *parameters: object) -> Sequence[tuple[Any, ...]]:
        """Run one statement; return its rows. One message."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            found: Sequence[tuple[Any, ...]] = cursor.fetchall()
            return found

    def results(self, statements: Sequence[str]) -> list[Sequence[tuple[Any, ...]]]:
        """Run statements; return the rows of each. One message."""
        if not statements:
            return []
        with self._connection.cursor() as cursor:
            cursor.execute("; ".join(statements))
            found = [cursor.fetchall()]
            while cursor.nextset():
                found.append(cursor.fetchall())
            return found

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def connect(
    address: MySQLAddress, database: str | None = None, *, seconds: float = _PATIENCE
) -> Session:
    """Open a connection. Some 2 ms.

    Args:
        address: The server.
        database: The one to use; none, if left out.
        seconds: The deadline for each answer of the server.

    Raises:
        MissingMySQLDriverError: There is no PyMySQL.
    """
    try:
        pymysql = importlib.import_module("pymysql")
    except ImportError as error:
        raise MissingMySQLDriverError(str(error)) from error
    session = Session(
        pymysql.connect(
            host=address.host,
            port=address.port,
            user=address.user,
            password=address.password,
            database=database,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=_SECONDS,
            read_timeout=seconds,
            write_timeout=seconds,
            client_flag=_MULTI_STATEMENTS,
        ),
        address,
    )
    session.rows(_SETTINGS)
    return session


@contextmanager
def connected(
    address: MySQLAddress, database: str | None = None, *, seconds: float = _PATIENCE
) -> Iterator[Session]:
    """Connect, for the length of a block; see `connect`."""
    session = connect(address, database, seconds=seconds)
    try:
        yield session
    finally:
        session.close()


def identify(address: MySQLAddress, *, source: str) -> tuple[str, str]:
    """Ask a server what it is.

    Returns:
        `MySQL` or `MariaDB`, and its version.

    Raises:
        MySQLUnreachableError: Nothing that speaks MySQL's protocol listens there.
        MySQLAuthenticationError: It refuses the user or the password.
    """
    try:
        with connected(address, seconds=_SECONDS) as session:
            [(version,)] = session.rows("SELECT VERSION()")
    except MissingMySQLDriverError:
        raise
    except Exception as error:
        reason = words_of(error)
        if number_of(error) in _REFUSED:
            raise MySQLAuthenticationError(
                address=str(address), user=address.user, source=source, reason=reason
            ) from error
        raise MySQLUnreachableError(address=str(address), source=source, reason=reason) from error
    number = re.match(r"[\d.]+", str(version))
    product = "MariaDB" if "MariaDB" in str(version) else "MySQL"
    return product, number[0] if number else str(version)


def number_of(error: BaseException) -> int:
    """Return MySQL's number of an error; 0 for one of another kind."""
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def words_of(error: BaseException) -> str:
    """Return what a driver's error says, in one line, without its number and a full stop."""
    words = str(error.args[1]) if len(error.args) > 1 else str(error) or type(error).__name__
    return " ".join(words.split()).rstrip(".")


def quoted(name: str) -> str:
    """Return a name as SQL has it."""
    return "`" + name.replace("`", "``") + "`"
