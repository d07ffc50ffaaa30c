"""Engines of MySQL's drivers in front of the sandbox, without pytest's part of the plugin."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url, text

from pytest_oneloop.sandbox.ids import Restart
from pytest_oneloop.sandbox.outer import Constraints
from pytest_oneloop.sandbox.router import Router
from tools.laboratory import NOWHERE, Laboratory

if TYPE_CHECKING:
    from sqlalchemy import Connection, Dialect

    from tools.mariadb import MariaDB

SCHEMA = (
    "CREATE TABLE item (id int PRIMARY KEY, name text)",
    "CREATE TABLE parent (id int PRIMARY KEY)",
    "CREATE TABLE child (id int PRIMARY KEY, up int, FOREIGN KEY (up) REFERENCES parent (id))",
    "CREATE TABLE numbered (id int AUTO_INCREMENT PRIMARY KEY, data json)",
    "CREATE TABLE unsafe (id int) ENGINE=MyISAM",
    "CREATE PROCEDURE commits() COMMIT",
)
TABLES = ("item", "parent", "child", "numbered", "unsafe")


class MySQLTarget:
    """The database, as the router wants to know it."""

    def __init__(self, server: MariaDB) -> None:
        self.key = "mysql"
        self.server = server
        self.constraints = Constraints(unsafe=frozenset({"unsafe"}))
        self.ids = Restart()

    def connect_arguments(self, dialect: Dialect, given: dict[str, Any]) -> dict[str, Any]:
        del given
        url = make_url(self.server.url(f"{dialect.name}+{dialect.driver}"))
        return dict(dialect.create_connect_args(url)[1])


class MySQLLaboratory(Laboratory):
    """One driver, one database, the router before it or not.

    Args:
        driver: `aiomysql`, `asyncmy` or `pymysql`.
        server: The database.
        sandboxed: Whether there is a router. Without, engines go to the database as they are.
    """

    dialect = "mysql"
    tables = TABLES
    beside = "pymysql"

    def __init__(self, driver: str, server: MariaDB, *, sandboxed: bool = True) -> None:
        self.name = self.driver = driver
        self.is_async = driver != "pymysql"
        self.server = server
        self.sandboxed = sandboxed
        self.provided = 0
        self.router = Router(self._lead, frozenset())
        self._leads_to = MySQLTarget(server)
        if server.is_mysql:
            self.lacks = frozenset({"returning"})

    def _lead(self, dialect: str) -> MySQLTarget:
        assert dialect == "mysql"
        self.provided += 1
        return self._leads_to

    def url_of(self, driver: str) -> str:
        """The application's URL, by another driver."""
        name = f"mysql+{driver}"
        return f"{name}://{NOWHERE}" if self.sandboxed else self.server.url(name)

    def look(self, sql: str) -> list[tuple[Any, ...]]:
        return self.server.run(sql)

    def change(self, sql: str) -> None:
        self.server.run(sql)

    def asleep(self, seconds: float) -> str:
        return f"(SELECT sleep({seconds})) AS asleep"

    def end_session(self, connection: Connection) -> None:
        # It cannot end itself everywhere: MySQL calls that an interrupted statement.
        self.end_sessions()
        connection.execute(text("SELECT 1"))

    def end_sessions(self) -> None:
        sessions = f"FROM information_schema.processlist WHERE db = '{self.server.database}'"
        for (number,) in self.look(f"SELECT id {sessions} AND id <> connection_id()"):
            self.change(f"KILL {number}")
        assert self.connections_left() == 0

    def clear(self) -> None:
        self.server.run(*(f"DELETE FROM {table}" for table in ("child", *self.tables)))

    def connections_left(self, seconds: float = 10.0) -> int:
        question = (
            "SELECT count(*) FROM information_schema.processlist"
            f" WHERE db = '{self.server.database}' AND id <> connection_id()"
        )
        deadline = time.monotonic() + seconds
        with self.server.connected() as cursor:
            while True:
                cursor.execute(question)
                [(number,)] = cursor.fetchall()
                if number == 0 or time.monotonic() > deadline:
                    return int(number)
                time.sleep(0.01)
