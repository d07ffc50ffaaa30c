"""PostgreSQL's administration: statements outside of any transaction, and who is there.

Connections are opened by SQLAlchemy's dialect, never through an `Engine`: the plugin answers for
every engine of the process, and these connections must reach the real server.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_oneloop.databases.urls import connect_url, parse_server_url
from pytest_oneloop.drivers import installed_drivername
from pytest_oneloop.errors.connection import ServerTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Dialect

    from pytest_oneloop.databases.address import ServerAddress

__all__ = [
    "Admin",
    "administer",
    "connect_url",
    "parse_server_url",
    "quote_literal",
    "quote_name",
    "sqlstate_of",
]

T = TypeVar("T")

# libpq takes whole seconds and raises 1 to 2.
_SHORTEST_CONNECT_TIMEOUT = 2
_POLL_SECONDS = 0.005


def quote_name(name: str) -> str:
    """Quote a name of a database object for SQL."""
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """Quote a text for SQL, as the standard has it (backslashes stand for themselves)."""
    return "'" + text.replace("'", "''") + "'"


def sqlstate_of(error: BaseException) -> str | None:
    """Return the server's five-character code of a driver's error, where there is one."""
    for attribute in ("sqlstate", "pgcode"):
        code = getattr(error, attribute, None)
        if isinstance(code, str):
            return code
    return None


class Admin:
    """One open connection in autocommit, for statements such as CREATE DATABASE.

    Args:
        connection: A DBAPI connection, as SQLAlchemy's dialect opened it.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def execute(self, sql: str) -> None:
        """Run one statement; it may return no rows."""
        with contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(sql)

    def rows(self, sql: str, *texts: str) -> list[tuple[object, ...]]:
        """Run one query and return its rows.

        Args:
            sql: The query, with `{}` for each text. (Drivers differ in how they mark parameters.)
                Without texts, a brace is a brace.
            texts: The texts that go there, as quoted literals.
        """
        if texts:
            sql = sql.format(*map(quote_literal, texts))
        with contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]

    def wait_until_unused(self, database: str, *, seconds: float) -> bool:
        """Wait until no session is left in a database; False after `seconds`.

        A backend ends some milliseconds after its client has closed. CREATE DATABASE and DROP
        DATABASE sleep 100 ms when they find it still there; asking first costs 5 ms at most.
        """
        query = "SELECT 1 FROM pg_stat_activity WHERE datname = {} LIMIT 1"
        deadline = time.monotonic() + seconds
        while self.rows(query, database):
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True


def administer(
    address: ServerAddress,
    work: Callable[[Admin], T],
    *,
    database: str | None = None,
    timeout: float | None = 30.0,
    task: str = "administer its databases",
) -> T:
    """Run `work` on one connection in autocommit, and close the connection gracefully.

    Costs one connection (2 to 4 ms). Must be called on a thread without a running event loop:
    with an asynchronous driver it runs a loop of its own.

    Args:
        address: The server.
        work: What to do; it runs in the calling thread.
        database: The database to connect to; the one for administration when left out.
        timeout: Seconds for everything, connecting included. `None` is for work that holds a lock
            as long as its caller wants; connecting has its own limit then.
        task: What the work is, for the error: "while it was to {task}".

    Raises:
        ServerTimeoutError: It took longer.
    """
    url = connect_url(installed_drivername(), address, database)
    dialect_class = url.get_dialect()
    dialect = dialect_class(dbapi=dialect_class.import_dbapi())  # type: ignore[call-arg]
    arguments = dict(dialect.create_connect_args(url)[1])
    limit = timeout if timeout is not None else 30.0
    started = time.monotonic()
    try:
        if dialect.is_async:
            arguments["timeout"] = limit
            arguments["server_settings"] = {"application_name": "pytest-oneloop"}
            return asyncio.run(_administer_async(dialect, arguments, work, timeout))
        arguments["connect_timeout"] = max(_SHORTEST_CONNECT_TIMEOUT, int(limit))
        arguments["application_name"] = "pytest-oneloop"
        if dialect.driver == "psycopg":
            # It prepares what is repeated, and after an ALTER it sends DEALLOCATE ALL, which takes
            # along what was prepared by PREPARE.
            arguments["prepare_threshold"] = None
        with _opened(dialect, arguments) as connection, _cut_off_after(connection, timeout):
            return work(Admin(connection))
    except Exception as error:
        # A connection that was cut off fails in the driver's own words: say why instead.
        if time.monotonic() - started >= limit:
            raise ServerTimeoutError(address, task=task, seconds=limit) from error
        raise


async def _administer_async(
    dialect: Dialect, arguments: dict[str, Any], work: Callable[[Admin], T], limit: float | None
) -> T:
    from sqlalchemy.util import greenlet_spawn  # noqa: PLC0415 - see the module's docstring

    def run() -> T:
        with _opened(dialect, arguments) as connection:
            return work(Admin(connection))

    async with asyncio.timeout(limit):
        result: T = await greenlet_spawn(run)
        return result


@contextlib.contextmanager
def _opened(dialect: Dialect, arguments: dict[str, Any]) -> Iterator[Any]:
    connection: Any = dialect.connect(**arguments)
    try:
        dialect.set_isolation_level(connection, "AUTOCOMMIT")
        yield connection
    except asyncio.CancelledError:
        # The deadline: a graceful goodbye would wait for a server that has stopped answering. (So
        # does the dialect's `do_terminate`, for two seconds, or, with asyncpg 0.29, for ever.)
        connection.driver_connection.terminate()
        raise
    except BaseException:
        dialect.do_close(connection)
        raise
    dialect.do_close(connection)


@contextlib.contextmanager
def _cut_off_after(connection: Any, seconds: float | None) -> Iterator[None]:
    """Shut the socket of a synchronous driver down after `seconds`.

    Such a driver waits for the server inside of C code; nothing else ends that wait.
    """
    if seconds is None:
        yield
        return
    duplicate = socket.socket(fileno=os.dup(connection.fileno()))

    def shut_down() -> None:
        # The other side may have gone at the same moment; then there is nothing to end.
        with contextlib.suppress(OSError):
            duplicate.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, shut_down)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        duplicate.close()
