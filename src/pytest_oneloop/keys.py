"""Keys: which of a run's databases is meant.

All engines of one dialect are led to one database, whose key is the dialect's name. A database
that has a template of its own has its name in the key as well: `postgresql:analytics`.
"""

from __future__ import annotations

from typing import Final

_LED_AS: Final = {"mariadb": "mysql"}
"""Dialects whose engines connect to the databases of another one, by the same drivers."""


def led_as(dialect: str) -> str:
    """Return the dialect whose databases the engines of a dialect are led to: mostly itself."""
    return _LED_AS.get(dialect, dialect)


def key_of(dialect: str, name: str = "") -> str:
    """Return the key of a database.

    Args:
        dialect: The name of SQLAlchemy's dialect.
        name: As `oneloop_databases` has it; empty for the one that all other engines are led to.
    """
    dialect = led_as(dialect)
    return f"{dialect}:{name}" if name else dialect


def dialect_of(key: str) -> str:
    """Return the name of SQLAlchemy's dialect."""
    return key.partition(":")[0]


def name_of(key: str) -> str:
    """Return the database's name, as `oneloop_databases` has it; empty for the main one."""
    return key.partition(":")[2]
