"""What goes otherwise on MySQL and MariaDB: transactions that end by themselves, and servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_oneloop.errors import SetupError
from pytest_oneloop.errors.connection import masked_url
from pytest_oneloop.errors.sandbox import SandboxError

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONG: Final = 120


class ImplicitCommitError(SandboxError):
    """A statement would commit the test's transaction, or has.

    Attributes:
        test: The node id of the test.
        command: The statement's first words: `CREATE TABLE`.
        sql: Its text; empty if only the server told of it, afterwards.
        place: Where it was sent.
    """

    code = "OL225"

    def __init__(self, *, test: str, command: str, sql: str, place: str) -> None:
        self.test = test
        self.command = command
        self.sql = sql
        self.place = place
        text = " ".join(sql.split())
        shown = f"{text[:_LONG]} ..." if len(text) > _LONG else text
        what = (
            f"in {test}: {command} at {place} would commit the test's transaction, so it was not "
            f"sent: {shown}"
            if sql
            else f"in {test}: a statement at {place} has committed the test's transaction, which "
            "its text did not show. The database is made anew."
        )
        super().__init__(
            what,
            why="MySQL commits before statements that change the schema, lock tables, or begin a "
            "transaction, and no savepoint survives that",
            instead='let the test commit for real: @pytest.mark.oneloop(strategy="commit"), or '
            "oneloop_strategy = auto, which finds that out",
        )


class TransactionRolledBackError(SandboxError):
    """The server has rolled the whole transaction back, because of a deadlock.

    Attributes:
        test: The node id of the test.
        place: Where the connection was checked out.
        reason: The server's words.
    """

    code = "OL226"

    def __init__(self, *, test: str, place: str, reason: str) -> None:
        self.test = test
        self.place = place
        self.reason = reason
        super().__init__(
            f"in {test}: the server has rolled the test's whole transaction back, in a statement "
            f"of the connection checked out at {place}: {reason}",
            why="another session of the server, which is not in the sandbox, holds locks that this "
            "test waits for, and waits for its locks",
            instead="end the other session; or let the test commit for real, where a deadlock ends "
            'one transaction only: @pytest.mark.oneloop(strategy="commit")',
        )


class UnsafeTableError(SandboxError):
    """A statement changes a table whose engine knows no transactions.

    Attributes:
        test: The node id of the test.
        table: The table's name.
        place: Where the statement was sent.
    """

    code = "OL227"

    def __init__(self, *, test: str, table: str, place: str) -> None:
        self.test = test
        self.table = table
        self.place = place
        super().__init__(
            f"in {test}: the statement at {place} would change the table {table!r}, whose rows no "
            "rollback puts back; it was not sent.",
            why="the table's storage engine knows no transactions, as MyISAM, Aria and MEMORY",
            instead=f"ALTER TABLE {table} ENGINE = InnoDB; or let the test commit for real, after "
            'which the table is put back: @pytest.mark.oneloop(strategy="commit")',
        )


_URL: Final = "mysql://USER:PASSWORD@HOST:PORT/"


def _grant(user: str) -> str:
    """Return the statement that lets a user make the databases of tests, and no others."""
    return f"GRANT ALL ON `oneloop\\_%`.* TO '{user}'@'%'"


class NoMySQLServerError(SetupError):
    """The application connects to MySQL, and no server for tests is named.

    Attributes:
        dialect: The dialect that connects.
    """

    code = "OL170"

    def __init__(self, *, dialect: str) -> None:
        self.dialect = dialect
        super().__init__(
            f"An engine connects by {dialect}, and there is no server for its tests.",
            why="unlike PostgreSQL, there is no embedded MySQL; and oneloop_server names none",
            instead=f"start a MySQL or MariaDB for tests, and set ONELOOP_SERVER={_URL} (after a "
            "space, if it names a PostgreSQL already); let an administrator run there: "
            f"{_grant('USER')}",
        )


class MySQLUrlError(SetupError):
    """The text that should name a server does not.

    Attributes:
        text: The text; a password in it is not shown.
        source: Where it was set.
        reason: What is wrong with it.
    """

    code = "OL171"

    def __init__(self, text: str, *, source: str, reason: str) -> None:
        self.text = masked_url(text)
        self.source = source
        self.reason = reason
        super().__init__(
            f"{source} does not name a MySQL server: {reason} (it is {self.text!r}).",
            why="a part of the URL is missing or misspelt",
            instead=f"set oneloop_server to {_URL}",
        )


class MySQLUnreachableError(SetupError):
    """No usable connection to the server.

    Attributes:
        address: Host and port.
        source: Where they were set.
        reason: The words of the system or of the driver.
    """

    code = "OL172"

    def __init__(self, *, address: str, source: str, reason: str) -> None:
        self.address = address
        self.source = source
        self.reason = reason
        super().__init__(
            f"The MySQL server at {address} (set by {source}) cannot be used: {reason}.",
            why="the server is not running, is starting up, or listens somewhere else; or what "
            "listens there is no MySQL",
            instead=f"start the server, or correct {source}: {_URL}",
        )


class MySQLAuthenticationError(SetupError):
    """The server knows nobody of that name and password.

    Attributes:
        address: Host and port.
        user: Who was refused.
        source: Where that was set.
        reason: The server's words.
    """

    code = "OL173"

    def __init__(self, *, address: str, user: str, source: str, reason: str) -> None:
        self.address = address
        self.user = user
        self.source = source
        self.reason = reason
        super().__init__(
            f"The MySQL server at {address} does not let in the user {user!r}: {reason}.",
            why=f"the user or password in {source} is wrong, or the user may not come from here",
            instead=f"correct {source}: {_URL}",
        )


class MySQLRightsError(SetupError):
    """The user may not make the databases that the tests need.

    Attributes:
        address: Host and port.
        user: Who was refused.
        reason: The server's words.
    """

    code = "OL174"

    def __init__(self, *, address: str, user: str, reason: str) -> None:
        self.address = address
        self.user = user
        self.reason = reason
        super().__init__(
            f"The user {user!r} may not create databases at {address}: {reason}.",
            why="every worker needs a database of its own, whose name begins with oneloop_",
            instead=f"let an administrator run: {_grant(user)}",
        )


class MissingMySQLDriverError(SetupError):
    """PyMySQL cannot be imported.

    Attributes:
        said: What its import said.
    """

    code = "OL175"

    def __init__(self, said: str) -> None:
        self.said = said
        super().__init__(
            f"PyMySQL cannot be imported: {said}.",
            why="the plugin itself speaks to MySQL by it, and it is not installed here; aiomysql "
            "brings it",
            instead='pip install "pytest-oneloop[mysql]"',
        )


class MySQLTimeoutError(SetupError):
    """Another process has not finished in time.

    Attributes:
        address: Host and port.
        task: What it does, as a sentence goes on after "to".
        seconds: How long this waited.
    """

    code = "OL176"

    def __init__(self, *, address: str, task: str, seconds: float) -> None:
        self.address = address
        self.task = task
        self.seconds = seconds
        super().__init__(
            f"The MySQL server at {address} was asked to {task}, which was not done within "
            f"{seconds:g} s.",
            why="another run builds the same template, or hangs in it; or a session, or a "
            "prepared transaction (XA), holds a lock",
            instead="look at SHOW FULL PROCESSLIST and XA RECOVER on the server, and end what is "
            "in the way",
        )


class UncopiedTablesError(SetupError):
    """A database has tables of a kind that cannot be copied.

    Attributes:
        database: Its name.
        tables: Each of them with its kind, as `information_schema.tables` says it.
    """

    code = "OL177"

    def __init__(self, database: str, *, tables: Sequence[tuple[str, str]]) -> None:
        self.database = database
        self.tables = tuple(tables)
        listed = ", ".join(f"{name} ({kind})" for name, kind in self.tables)
        super().__init__(
            f"The database {database} has what cannot be copied: {listed}.",
            why="the server knows a kind of table that this version of the plugin does not",
            instead="leave it out of the tests' schema, and report the kind and the server's "
            "version at the plugin's project",
        )
