"""Real connections of SQLite that attach a copy where the application attaches a file."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from pytest_oneloop.sandbox.sqlite import texts
from pytest_oneloop.sandbox.sqlite.attachments import copy_for


class AttachingConnection(sqlite3.Connection):
    """A connection whose `ATTACH` leads to a copy, whoever sends it: a listener, or a test."""

    def __init__(self, database: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(database, *args, **kwargs)
        self._main = Path(database)

    def cursor(self, factory: Any = sqlite3.Cursor) -> Any:
        """Return a cursor that does the same."""
        return super().cursor(_with(AttachingCursor, factory))

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        """Run a statement."""
        return super().execute(*self.oneloop_led(sql, parameters))

    def executescript(self, script: str, /) -> Any:
        """Run several statements."""
        return super().executescript(self.oneloop_led_script(script))

    def oneloop_led(self, sql: str, parameters: Any) -> tuple[str, Any]:
        """Return what to send for a statement, and its parameters."""
        found = texts.read(sql) if texts.attaches(sql) else None
        if not isinstance(found, texts.Attach):
            return sql, parameters
        return found.sent(copy_for(self._main, found.named(parameters)))

    def oneloop_led_script(self, script: str) -> str:
        """Return what to send for several statements."""
        return "".join(map(self._led_part, _statements(script)))

    def _led_part(self, sql: str) -> str:
        bare = sql.strip().rstrip(";")
        found = texts.read(bare) if texts.attaches(bare) else None
        if not isinstance(found, texts.Attach) or found.file is None:
            return sql
        copy, name = copy_for(self._main, found.file), found.name
        return f"ATTACH DATABASE {_quoted(copy, chr(39))} AS {_quoted(name, chr(34))};"


class AttachingCursor(sqlite3.Cursor):
    """A cursor of such a connection."""

    connection: AttachingConnection

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        """Run a statement."""
        return super().execute(*self.connection.oneloop_led(sql, parameters))

    def executescript(self, script: str, /) -> Any:
        """Run several statements."""
        return super().executescript(self.connection.oneloop_led_script(script))


def attaching(factory: Any) -> Any:
    """Return a class of connections that attach copies, and are what the application wants."""
    return _with(AttachingConnection, factory)


def _with(own: type, wanted: Any) -> Any:
    if not isinstance(wanted, type) or issubclass(own, wanted):
        return own
    return type(wanted.__name__, (own, wanted), {})


def _statements(script: str) -> list[str]:
    """Return the statements of a script, each with its end."""
    found = [""]
    for part in script.split(";"):
        found[-1] += f"{part};"
        if sqlite3.complete_statement(found[-1]):
            found.append("")
    return [*found[:-1], found[-1].removesuffix(";")]


def _quoted(name: str, quote: str) -> str:
    return quote + name.replace(quote, quote * 2) + quote
