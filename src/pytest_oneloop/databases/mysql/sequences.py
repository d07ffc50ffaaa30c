"""MariaDB's sequences: where they stand. No rollback puts them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_oneloop.databases.mysql.server import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_oneloop.databases.mysql.server import Session

Standing = tuple[int, int]
"""The next number, and how often the sequence has begun anew at its end."""


def standings(session: Session, database: str, names: Sequence[str]) -> dict[str, Standing]:
    """Return where sequences stand. One message.

    A server draws numbers in advance; then this is the first of those that it has not drawn.
    """
    answers = session.results(
        [
            f"SELECT next_not_cached_value, cycle_count FROM {quoted(database)}.{quoted(name)}"
            for name in names
        ]
    )
    return {
        name: (int(rows[0][0]), int(rows[0][1])) for name, rows in zip(names, answers, strict=True)
    }


def set_to(session: Session, wanted: Mapping[str, Standing]) -> None:
    """Let sequences of the database in use stand so. One message."""
    statements = []
    for name, (number, cycles) in wanted.items():
        # SETVAL alone would not go back; RESTART alone would count from no cycle.
        statements.append(f"ALTER SEQUENCE {quoted(name)} RESTART WITH {number}")
        statements.append(f"SELECT SETVAL({quoted(name)}, {number}, 0, {cycles})")
    session.results(statements)
