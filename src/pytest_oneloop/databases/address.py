"""Where a server listens, and as whom to speak to it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """The address of one PostgreSQL server.

    Attributes:
        host: A host name or number, or the folder of a unix socket (starts with `/`).
        port: The TCP port; for a unix socket, the number in the socket's name.
        user: The role that may create databases.
        password: Its password, or `None`; never shown by `repr`.
        database: The database to connect to for administration.
    """

    host: str
    port: int
    user: str
    password: str | None = field(default=None, repr=False)
    database: str = "postgres"

    @property
    def is_socket(self) -> bool:
        """Whether `host` is the folder of a unix socket."""
        return self.host.startswith("/")

    def __str__(self) -> str:
        return f"{self.host}/.s.PGSQL.{self.port}" if self.is_socket else f"{self.host}:{self.port}"
