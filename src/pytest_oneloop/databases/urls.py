"""Server addresses as URLs: read from a setting, written for a driver."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from pytest_oneloop.databases.address import ServerAddress
from pytest_oneloop.errors.connection import ServerUrlError

if TYPE_CHECKING:
    from sqlalchemy import URL

_DEFAULT_PORT = 5432


def parse_server_url(text: str, *, source: str) -> ServerAddress:
    """Read a server's address from a URL such as `postgresql://role:password@host:5432/postgres`.

    The folder of a unix socket is given as `?host=/folder`. What is left out is: `localhost`,
    port 5432, the name of the operating system's user, no password, the database `postgres`.
    A driver in the scheme (`postgresql+asyncpg`) is allowed and says nothing.

    Args:
        text: The URL.
        source: Where it was set, for the error.

    Raises:
        ServerUrlError: It is not such a URL, or has an option that is not understood.
    """
    from sqlalchemy import make_url  # noqa: PLC0415 - costs 100 ms; only a run that needs it pays
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError) as error:
        reason = "the port is not a number" if isinstance(error, ValueError) else "it is not a URL"
        raise ServerUrlError(text, source=source, reason=reason) from None
    scheme = url.drivername.partition("+")[0]
    if scheme not in {"postgresql", "postgres"}:
        reason = f"its scheme is {scheme!r}, not 'postgresql'"
        raise ServerUrlError(text, source=source, reason=reason)
    unknown = sorted(set(url.query) - {"host", "port"})
    if unknown:
        reason = f"the option {unknown[0]!r} is not understood (host and port are)"
        raise ServerUrlError(text, source=source, reason=reason)
    host, port = url.query.get("host", url.host), url.query.get("port", url.port)
    if isinstance(host, tuple) or isinstance(port, tuple):
        raise ServerUrlError(text, source=source, reason="it names more than one host")
    try:
        number = int(port) if port else _DEFAULT_PORT
    except ValueError:
        reason = "the port is not a number"
        raise ServerUrlError(text, source=source, reason=reason) from None
    return ServerAddress(
        host=host or "localhost",
        port=number,
        user=url.username or getpass.getuser(),
        password=url.password,
        database=url.database or "postgres",
    )


def connect_url(drivername: str, address: ServerAddress, database: str | None = None) -> URL:
    """Write the URL with which one driver reaches one database of the server.

    The folder of a unix socket and its port go into the query: every driver's dialect takes them
    there (asyncpg, psycopg, psycopg2).

    Args:
        drivername: As SQLAlchemy writes it: `postgresql+asyncpg`.
        address: The server.
        database: The database; the one for administration when left out.
    """
    from sqlalchemy import URL  # noqa: PLC0415 - costs 100 ms; only a run that needs it pays

    name = database or address.database
    if address.is_socket:
        return URL.create(
            drivername,
            username=address.user,
            password=address.password,
            database=name,
            query={"host": address.host, "port": str(address.port)},
        )
    return URL.create(
        drivername,
        username=address.user,
        password=address.password,
        host=address.host,
        port=address.port,
        database=name,
    )
