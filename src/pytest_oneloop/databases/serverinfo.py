"""Who listens at an address: which PostgreSQL, or what instead."""

from __future__ import annotations

import re
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_oneloop.databases.postgresql import Admin, administer, sqlstate_of
from pytest_oneloop.errors import OneloopError
from pytest_oneloop.errors.connection import (
    AuthenticationError,
    NotPostgreSQLError,
    ServerUnreachableError,
)

if TYPE_CHECKING:
    from pytest_oneloop.databases.address import ServerAddress

# "SSLRequest" of PostgreSQL's protocol: every PostgreSQL since version 7 answers it with the one
# byte S or N, with or without TLS, before it asks who is there.
# https://www.postgresql.org/docs/current/protocol-message-formats.html
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_ANSWERS = frozenset((b"S", b"N"))
_ENOUGH_BYTES = 64
# A MySQL or MariaDB speaks first: the length of what follows, number 0, protocol 10, its release.
# https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets.html
_MYSQL_GREETING = re.compile(rb"[\x00-\xff]{3}\0\x0a(?:5\.5\.5-)?(?P<release>[!-~]+)\0")

# libpq gives no code for a refused log-in; these words are the server's, in English.
_REFUSED = re.compile(
    r"password authentication failed|no password supplied|role .* does not exist|"
    r"no pg_hba\.conf entry|authentication failed for user|password was not provided|"
    r"is not permitted to log in",
)


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What a server says of itself.

    Attributes:
        version: For people: `18.6`.
        number: To compare: `180006`.
    """

    version: str
    number: int


def identify(address: ServerAddress, *, source: str, timeout: float = 10.0) -> ServerInfo:
    """Ask a server for its version. Costs one connection and one greeting (some 5 ms).

    Args:
        address: The server.
        source: Where the address was set, for the errors.
        timeout: Seconds for the greeting, and again for the connection.

    Raises:
        ServerUnreachableError: Nothing listens there, or it cannot take a connection now.
        AuthenticationError: It refuses the role or the password.
        NotPostgreSQLError: Something else listens there, or it says nothing.
    """
    _greet(address, source=source, timeout=timeout)
    try:
        return administer(
            address,
            lambda admin: _version(admin, address, source),
            timeout=timeout,
            task="tell its version",
        )
    except OneloopError:
        raise
    except Exception as error:
        reason = _first_line(error)
        # Class 28 is "invalid authorization specification".
        if (sqlstate_of(error) or "").startswith("28") or _REFUSED.search(str(error)):
            raise AuthenticationError(address, source=source, reason=reason) from error
        raise ServerUnreachableError(address, source=source, reason=reason) from error


def _version(admin: Admin, address: ServerAddress, source: str) -> ServerInfo:
    [(name,)] = admin.rows("SELECT version()")
    if not str(name).startswith("PostgreSQL"):
        raise NotPostgreSQLError(address, source=source, answer=f"says it is {name}")
    [(number, version)] = admin.rows(
        "SELECT current_setting('server_version_num'), current_setting('server_version')"
    )
    # Distributions add words of their own: "15.20 (Debian 15.20-0+deb12u1)".
    return ServerInfo(version=str(version).split()[0], number=int(str(number)))


def _greet(address: ServerAddress, *, source: str, timeout: float) -> None:
    try:
        connection = _connect(address, timeout)
    except OSError as error:
        reason = error.strerror or _first_line(error)
        raise ServerUnreachableError(address, source=source, reason=reason) from error
    with connection:
        try:
            connection.sendall(_SSL_REQUEST)
            answer = connection.recv(_ENOUGH_BYTES)
        except TimeoutError as error:
            words = f"accepted the connection and said nothing for {timeout:g} s"
            raise NotPostgreSQLError(address, source=source, answer=words) from error
        except OSError as error:
            words = f"broke the connection ({error.strerror or error})"
            raise NotPostgreSQLError(address, source=source, answer=words) from error
    if answer in _ANSWERS:
        return
    if greeting := _MYSQL_GREETING.match(answer):
        words = f"is a MySQL or MariaDB server, {greeting['release'].decode()}"
        raise NotPostgreSQLError(address, source=source, answer=words, mysql=True)
    words = f"answered {answer!r}" if answer else "closed the connection without a word"
    raise NotPostgreSQLError(address, source=source, answer=words)


def _connect(address: ServerAddress, timeout: float) -> socket.socket:
    if not address.is_socket:
        return socket.create_connection((address.host, address.port), timeout=timeout)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout)
    try:
        connection.connect(str(address))
    except OSError:
        connection.close()
        raise
    return connection


def _first_line(error: BaseException) -> str:
    """Return what a driver says, as one line without the place where it looked."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
