"""Engines of MySQL's drivers in front of the sandbox, without pytest's part of the plugin."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url

from pytest_oneloop.sandbox.ids import Restart
from pytest_oneloop.sandbox.outer import Constraints
from pytest_oneloop.sandbox.router import Router
from tools.laboratory import NOWHERE, Laboratory

if TYPE_CHECKING:
    from sqlalchemy import Dialect

    from tools.mariadb import MariaDB

DRIVERS = ("aiomysql", "asyncmy", "pymysql")
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
        driver: One of `DRIVERS`.
        server: The database.
        sandboxed: Whether there is a router. Without, engines go to the database as they are.
    """

    def __init__(self, driver: str, server: MariaDB, *, sandboxed: bool = True) -> None:
        self.driver = driver
        self.is_async = driver != "pymysql"
        self.server = server
        self.sandboxed = sandboxed
        self.provided = 0
        self.router = Router(self._lead, frozenset())
        self._leads_to = MySQLTarget(server)

    def _lead(self, dialect: str) -> MySQLTarget:
        assert dialect == "mysql"
        self.provided += 1
        return self._leads_to

    @property
    def url(self) -> str:
        """The application's URL."""
        name = f"mysql+{self.driver}"
        return f"{name}://{NOWHERE}" if self.sandboxed else self.server.url(name)

    def look(self, sql: str) -> list[tuple[Any, ...]]:
        return self.server.run(sql)

    def change(self, sql: str) -> None:
        self.server.run(sql)

    def connections_left(self, seconds: float = 10.0) -> int:
        question = (
            "SELECT count(*) FROM information_schema.processlist"
            f" WHERE db = '{self.server.database}' AND id <> connection_id()"
        )
        deadline = time.monotonic() + seconds
        while True:
            [(number,)] = self.look(question)
            if number == 0 or time.monotonic() > deadline:
                return int(number)
            time.sleep(0.01)
