"""The cursors of SQLite, as applications have them."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from pytest_oneloop.sandbox.cursor import SandboxedCursor
from pytest_oneloop.sandbox.sqlite import texts

_NOTHING_LOGGED: Final = "SELECT 0 AS busy, -1 AS log, -1 AS checkpointed"
"""What a checkpoint answers that has nothing to do; inside a transaction it would be an error."""


class SqliteCursor(SandboxedCursor):
    """A cursor of SQLite."""

    __slots__ = ()

    def execute(self, operation: Any, *args: Any, **kwargs: Any) -> Any:
        """Execute a statement; of a setting that only tunes, say what it is.

        The file of a test is not tuned: it is thrown away.
        """
        __tracebackhide__ = True
        connection: Any = self.oneloop_connection
        match texts.read(operation) if isinstance(operation, str) else None:
            case texts.Pragma("read_uncommitted", value):
                operation = connection.oneloop_dirty_reads(value)
            case texts.Pragma(name, str(), tuning=True) if connection.oneloop_in_test:
                operation = f"PRAGMA {name}"
            case texts.Attach() as attach if not connection.oneloop_in_test:
                connection.oneloop_attach(attach, *args)
                return self
        super().execute(operation, *args, **kwargs)
        return self

    def oneloop_run(self, operation: Any, *args: Any, **kwargs: Any) -> Any:
        """Execute on the real cursor; ask, where a listener's setting would do harm.

        Inside a transaction, SQLite refuses some, and some would outlive the test's. A file that
        a test attaches is attached as a copy.
        """
        connection: Any = self.oneloop_connection
        match texts.read(operation) if isinstance(operation, str) else None:
            case texts.Pragma("wal_checkpoint"):
                operation = _NOTHING_LOGGED
            case texts.Pragma(str(name), str(), tuning=True) as pragma if (
                connection.oneloop_link.channel.inside or pragma.keeps_from_ending
            ):
                operation = f"PRAGMA {name}"
            case texts.Attach() as attach:
                file = attach.named(args[0] if args else ())
                operation, *args = connection.oneloop_link.driver.led(attach, file)
        return super().oneloop_run(operation, *args, **kwargs)

    def executescript(self, script: str) -> Any:
        """Commit, as the driver does, and execute one statement after another, each for itself."""
        __tracebackhide__ = True
        self.oneloop_connection.commit()
        begun = False
        command = ""
        for part in script.split(";"):
            command += f"{part};"
            if sqlite3.complete_statement(command):
                if command.strip(" ;\r\n\t"):
                    self.execute(command)
                    match texts.read(command):
                        case texts.Begin():
                            begun = True
                        case texts.Commit() | texts.Rollback():
                            begun = False
                command = ""
        if not begun:
            self.oneloop_connection.commit()
        return self
