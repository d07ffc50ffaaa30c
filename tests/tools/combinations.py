"""The databases and drivers that the contract holds for, and what each of them can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CAPABILITIES: Final = {
    "tasks": "its connections belong to event loops",
    "freed_connections": "the memory of a connection is freed whose loop was closed before it",
    "threads": "its connections are used from threads, without a loop",
    "server": "it is reached through a network, and counts its sessions",
    "control_by_text": "`COMMIT` and `ROLLBACK` as text control the transaction",
    "control_by_driver": "only the driver's own methods control the transaction",
    "failing_transactions": "after an error, a transaction refuses all until it is rolled back",
    "failing_statements": "after an error, a transaction goes on without that statement",
    "transactional_ddl": "a change of the schema is rolled back with its transaction",
    "altered_columns": "a column's type can be changed within a transaction",
    "deferrable_constraints": "a constraint is checked at the commit",
    "set_constraints": "`SET CONSTRAINTS` says when a constraint is checked",
    "isolation_levels": "the levels of the standard can be chosen for a transaction",
    "shown_levels": "`SHOW` tells the level of a transaction",
    "read_only_transactions": "a transaction can be one that only reads",
    "row_locks": "`FOR UPDATE` locks rows",
    "several_streams": "one connection reads several streams of rows at once",
    "division_by_zero": "1 / 0 is an error",
    "sleeping": "a statement can sleep",
    "cancelled_statements": "a connection survives that its statement is cancelled",
    "ended_sessions": "a session can be ended by another, or by itself",
    "local_settings": "a setting can hold for one transaction",
    "session_locks": "a lock can belong to a session, and not to a transaction",
    "session_statements": "a session shows which statements SQL's `PREPARE` has given it",
    "search_path": "a setting says which schemas are searched",
    "extension_types": "types that extensions bring",
    "counted_messages": "the messages to its server can be counted",
    "adapted_cursors": "each cursor converts values as its own engine has it",
    "returning": "an `INSERT` gives back the rows that it has stored",
    "copy": "rows are copied past SQL",
}
"""What a test may need, by the names that its mark `needs` gives. A driver's name is one, too."""


@dataclass(frozen=True)
class Combination:
    """A driver, with its database.

    Attributes:
        name: The driver's; with ` async` where it has both.
        database: SQLAlchemy's name of the database.
        can: Names of `CAPABILITIES`, and its own.
    """

    name: str
    database: str
    can: frozenset[str]


_OF_DATABASES: Final = {
    "postgresql": CAPABILITIES.keys()
    - {
        *("tasks", "freed_connections", "threads", "control_by_text", "failing_statements"),
        "adapted_cursors",
    },
    "sqlite": {
        *("control_by_text", "transactional_ddl", "deferrable_constraints", "several_streams"),
        *("failing_statements", "returning"),
    },
    "mysql": {
        *("server", "control_by_text", "isolation_levels", "row_locks", "sleeping"),
        *("ended_sessions", "failing_statements", "returning"),
        "session_locks",
    },
}
_DRIVERS: Final = {
    "asyncpg": ("postgresql", "tasks", "freed_connections"),
    "psycopg async": ("postgresql", "tasks", "freed_connections", "adapted_cursors"),
    "psycopg": ("postgresql", "threads", "adapted_cursors"),
    "psycopg2": ("postgresql", "threads", "adapted_cursors"),
    "aiosqlite": ("sqlite", "tasks"),
    "pysqlite": ("sqlite", "threads"),
    "aiomysql": ("mysql", "tasks", "freed_connections"),
    "asyncmy": ("mysql", "tasks"),
    "pymysql": ("mysql", "threads"),
}

COMBINATIONS: Final = {
    name: Combination(name, database, frozenset({*_OF_DATABASES[database], *own, name}))
    for name, (database, *own) in _DRIVERS.items()
}
"""All of them, by the driver's name."""


def having(*needed: str) -> list[str]:
    """Return the names of the combinations that can do all of that."""
    return [name for name, one in COMBINATIONS.items() if one.can.issuperset(needed)]
