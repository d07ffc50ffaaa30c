"""Engines of SQLite's drivers in front of the sandbox, without pytest's part of the plugin."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from pytest_oneloop.kinds.sqlite import File
from pytest_oneloop.sandbox.outer import Constraints
from pytest_oneloop.sandbox.router import Router
from tools.laboratory import Laboratory

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = """
CREATE TABLE item (id integer PRIMARY KEY, name text);
CREATE TABLE parent (id integer PRIMARY KEY);
CREATE TABLE child (
    id integer PRIMARY KEY,
    parent_id integer REFERENCES parent DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE counted (id integer PRIMARY KEY AUTOINCREMENT, name text UNIQUE);
"""


class SqliteLaboratory(Laboratory):
    """One driver, one file, the router before it or not.

    Args:
        driver: `aiosqlite` or `pysqlite`.
        path: The file.
        sandboxed: Whether there is a router.
        place: What the application's URL names: nothing that exists, or nothing at all.
    """

    def __init__(
        self, driver: str, path: Path, *, sandboxed: bool = True, place: str = "/nowhere.db"
    ) -> None:
        self.driver = driver
        self.is_async = driver == "aiosqlite"
        self.path = path
        self.sandboxed = sandboxed
        self.provided = 0
        self.place = place
        self.file = File(path, Constraints(deferrable=True))
        self.router = Router(self._provide_file, frozenset())

    def _provide_file(self, dialect: str) -> File:
        assert dialect == "sqlite"
        self.provided += 1
        return self.file

    @property
    def url(self) -> str:
        """The application's URL."""
        return f"sqlite+{self.driver}://{self.place if self.sandboxed else f'/{self.path}'}"

    def look(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the database past the router."""
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(sql).fetchall()

    def change(self, sql: str) -> None:
        """Change the database past the router."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(sql)
