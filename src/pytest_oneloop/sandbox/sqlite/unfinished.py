"""Statements that somebody has read half of, and the end of their connection."""

from __future__ import annotations

import gc
import sqlite3


def end_all(connection: sqlite3.Connection) -> None:
    """Break off what runs on a connection, end what is half read, and roll back.

    SQLite takes nothing more on a connection that was interrupted, before the statements on it
    have ended; and a statement of which rows are left keeps its lock on the file, though the
    connection is closed, as long as anybody has its cursor: the traceback of a failed test, say.

    Looks at all objects of the process (some 10 ms), if there is such a statement.

    Args:
        connection: The connection, which any thread may use. It stays open.

    Raises:
        sqlite3.Error: It was not rolled back.
    """
    connection.interrupt()
    # What the application has set would be asked for its leave.
    connection.set_authorizer(None)
    connection.set_progress_handler(None, 0)
    try:
        connection.execute("SELECT 1").close()
    except sqlite3.OperationalError:
        for holder in gc.get_referrers(connection):
            if isinstance(holder, (sqlite3.Cursor, sqlite3.Blob)):
                holder.close()
    connection.rollback()
