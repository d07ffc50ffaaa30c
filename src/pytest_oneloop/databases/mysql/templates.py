"""Templates: databases on the server, each built once for a schema, and copied from then on.

The name carries the fingerprint. A table in it with one row, the facts, says that it is complete.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from pytest_oneloop.databases.mysql.inventory import FACTS, PLAIN, VERSIONED
from pytest_oneloop.databases.mysql.server import connected, number_of, quoted
from pytest_oneloop.databases.mysql.workers import (
    drop,
    drop_first,
    is_alive,
    named_lock,
    rights_needed,
)
from pytest_oneloop.databases.templates import TemplateFacts, noted_drivers
from pytest_oneloop.errors.schema import SchemaChangedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from pytest_oneloop.databases.mysql.server import MySQLAddress, Session
    from pytest_oneloop.databases.templates import Schema

PREFIX: Final = "oneloop_template_"
_DIGITS: Final = 20
_KEPT: Final = 8
_ABSENT: Final = frozenset({1049, 1146})
_INSTANT: Final = "SELECT UNIX_TIMESTAMP()"


def ensure_template(
    address: MySQLAddress,
    source: Schema,
    *,
    fingerprint: str,
    redirect: Callable[[str], AbstractContextManager[None]],
    timeout: float,
) -> tuple[str, TemplateFacts, bool]:
    """Find the template of that fingerprint, or build it.

    Several processes at once build once: the others wait. What a crashed build left is dropped.
    Must be called on a thread without a running loop.

    Args:
        address: The server.
        source: What to build it from.
        fingerprint: A digest of everything that it depends on.
        redirect: Given the database's name, a context in which every engine of MySQL goes there.
        timeout: Seconds to wait for another process that builds it.

    Returns:
        The database's name, its facts, and whether this call built it.

    Raises:
        MySQLTimeoutError: Another process did not finish building it in time.
        MySQLRightsError: The user may not create databases.
        SetupError: The schema cannot be built; the source says why.
    """
    name = f"{PREFIX}{fingerprint[:_DIGITS]}"
    held = named_lock(address, name, seconds=timeout, task="finish a template")
    with rights_needed(address), held as session:
        found = _find(session, name)
        usable = found is not None and found.fingerprint == fingerprint
        if found is not None and usable and not source.changed(found.inputs):
            session.rows(f"UPDATE {_facts(name)} SET used = UNIX_TIMESTAMP()")
            return name, found, False
        drop_first(session, name)
        session.rows(f"CREATE DATABASE {quoted(name)} CHARACTER SET utf8mb4")
        facts = _populate(name, source, redirect, fingerprint)
        session.rows(f"CREATE TABLE {_facts(name)} (facts LONGTEXT, used BIGINT)")
        session.rows(
            f"INSERT INTO {_facts(name)} VALUES (%s, UNIX_TIMESTAMP())",
            json.dumps(facts.to_json()),
        )
        _prune(session)
        return name, facts, True


def _populate(
    name: str,
    source: Schema,
    redirect: Callable[[str], AbstractContextManager[None]],
    fingerprint: str,
) -> TemplateFacts:
    before = source.fingerprint()
    with redirect(name), noted_drivers() as drivers:
        inputs = source.build()
    if source.fingerprint() != before:
        raise SchemaChangedError(source.describe())
    return TemplateFacts(
        fingerprint=fingerprint,
        schema=source.describe(),
        driver=drivers[0] if drivers else None,
        inputs=inputs,
    )


def unsafe_tables(address: MySQLAddress, database: str) -> frozenset[str]:
    """Return the tables, in small letters, whose engines know no transactions."""
    with connected(address) as session:
        rows = session.rows(
            "SELECT t.table_name FROM information_schema.tables t"
            " JOIN information_schema.engines e ON e.engine = t.engine"
            " WHERE t.table_schema = %s AND t.table_type IN (%s, %s) AND e.transactions <> 'YES'",
            database,
            PLAIN,
            VERSIONED,
        )
    return frozenset(str(name).lower() for (name,) in rows)


def _facts(name: str) -> str:
    return f"{quoted(name)}.{quoted(FACTS)}"


def _find(session: Session, name: str) -> TemplateFacts | None:
    """Return the facts of a template; `None` if it is not there, or not complete."""
    try:
        rows = session.rows(f"SELECT facts FROM {_facts(name)}")
    except Exception as error:
        if number_of(error) in _ABSENT:
            return None
        raise
    return TemplateFacts.from_json(json.loads(str(rows[0][0]))) if rows else None


def _prune(session: Session) -> None:
    """Drop the templates unused for longest, and those whose build was broken off."""
    ages = []
    for (name,) in session.rows(f"SHOW DATABASES LIKE '{PREFIX.replace('_', chr(92) + '_')}%'"):
        try:
            rows = session.rows(f"SELECT used FROM {_facts(str(name))}")
        except Exception as error:
            if number_of(error) not in _ABSENT:
                raise
            rows = []
        ages.append((int(rows[0][0]) if rows else 0, str(name)))
    for _, name in sorted(ages, reverse=True)[_KEPT:]:
        if not is_alive(session, name):
            drop(session, name)
