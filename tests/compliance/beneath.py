"""The tables of SQLAlchemy's test classes, made past the plugin, where DDL ends transactions.

A plugin of pytest, which becomes a part of the project that the suite is run in. On PostgreSQL and
SQLite the suite makes the tables of a class in the sandbox, and they lie beneath its tests. On
MySQL that cannot be; there they are made as a migration would make them, by an engine that is let
through.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, MetaData, create_engine, make_url
from sqlalchemy.pool import NullPool

if TYPE_CHECKING:
    from collections.abc import Callable

    Step = Callable[[Any], None]

SERVER = "COMPLIANCE_SERVER"
"""The variable with the URL of the server, for a driver that the plugin lets through."""


class Beneath:
    """Makes the tables of one class after the other.

    Args:
        server: The server's URL.
    """

    def __init__(self, server: str) -> None:
        self._url = make_url(server)
        self._last: MetaData | None = None

    def make(self, cls: Any, original: Step) -> None:
        """Do what a class does once before its tests; the first time, drop the last one's tables.

        Args:
            cls: The class.
            original: What it does by its `bind`.
        """
        own, cls.bind = cls.bind, self._engine()
        try:
            if self._last is not None:
                from sqlalchemy.testing.util import (  # noqa: PLC0415 - see below
                    drop_all_tables_from_metadata,
                )

                drop: Callable[[MetaData, Engine], None] = drop_all_tables_from_metadata
                drop(self._last, cls.bind)
                self._last = None
            original(cls)
        finally:
            cls.bind = own

    def leave(self, cls: Any) -> None:
        """Leave a class's tables for later: the transaction of its last test has not ended yet."""
        self._last = cls._tables_metadata if cls.run_create_tables else None
        cls.bind = None

    def _engine(self) -> Engine:
        from sqlalchemy.testing import config  # noqa: PLC0415 - see below

        # To connect ends what is left of the transaction of the test before, and its locks.
        sandboxed: Any = config.db
        with sandboxed.connect() as connection:
            name = connection.exec_driver_sql("SELECT DATABASE()").scalar()
        return create_engine(self._url.set(database=name), poolclass=NullPool)


def pytest_collection() -> None:
    """Let every class of the suite make its tables in this way."""
    # SQLAlchemy's own plugin must have been set up before its fixtures are imported.
    from sqlalchemy.testing.fixtures import TablesTest  # noqa: PLC0415

    beneath = Beneath(os.environ[SERVER])
    for name in ("_setup_once_tables", "_setup_once_inserts"):
        original = getattr(TablesTest, name).__func__

        def run(cls: Any, original: Step = original) -> None:
            beneath.make(cls, original)

        setattr(TablesTest, name, classmethod(run))

    def leave(cls: Any) -> None:
        beneath.leave(cls)

    setattr(TablesTest, "_teardown_once_metadata_bind", classmethod(leave))  # noqa: B010 - as above
