"""What is in a database, by name, and how it is defined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_oneloop.databases.mysql.server import quoted
from pytest_oneloop.errors.mysql import UncopiedTablesError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_oneloop.databases.mysql.server import Session

FACTS: Final = "oneloop_facts"
"""The table of a template that says that it is complete. It is not copied."""

PLAIN: Final = "BASE TABLE"
VERSIONED: Final = "SYSTEM VERSIONED"
_KINDS: Final = (PLAIN, VERSIONED, "VIEW", "SEQUENCE")

_QUESTIONS: Final = (
    f"""SELECT table_name, table_type FROM information_schema.tables
    WHERE table_schema = {{name}} AND table_name <> '{FACTS}' ORDER BY 1""",
    """SELECT trigger_name, event_object_table FROM information_schema.triggers
    WHERE trigger_schema = {name} ORDER BY event_object_table, action_order""",
    """SELECT routine_name, routine_type FROM information_schema.routines
    WHERE routine_schema = {name} ORDER BY 2, 1""",
    """SELECT event_name FROM information_schema.events
    WHERE event_schema = {name} ORDER BY 1""",
)
"""What is in a database: tables and their like, triggers, routines, events."""

Thing = tuple[str, str]
"""Something in a database: its kind, as `SHOW CREATE` takes it, and its name."""

_COLUMN: Final = {"EVENT": 3, "DATABASE": 1, "TABLE": 1, "SEQUENCE": 1}
"""Where `SHOW CREATE` has the text; in the third column for all else, after its settings."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is in a database, by name.

    Attributes:
        tables: Tables with rows.
        versioned: Those among them of which MariaDB keeps the rows of earlier times.
        views: Views.
        sequences: MariaDB's sequences.
        triggers: Each with its table.
        routines: Each with its kind: `FUNCTION`, `PROCEDURE`, or MariaDB's packages.
        events: Events.
    """

    tables: tuple[str, ...]
    versioned: tuple[str, ...]
    views: tuple[str, ...]
    sequences: tuple[str, ...]
    triggers: tuple[tuple[str, str], ...]
    routines: tuple[tuple[str, str], ...]
    events: tuple[str, ...]


def inventory(session: Session, database: str) -> Inventory:
    """Return what is in a database. One message.

    Raises:
        UncopiedTablesError: There are tables of a kind that nothing here can copy.
    """
    name = "'" + database.replace("'", "''") + "'"
    tables, triggers, routines, events = session.results(
        [question.format(name=name) for question in _QUESTIONS]
    )
    if unknown := [(str(table), str(kind)) for table, kind in tables if kind not in _KINDS]:
        raise UncopiedTablesError(database, tables=unknown)
    return Inventory(
        _of_kind(tables, PLAIN, VERSIONED),
        _of_kind(tables, VERSIONED),
        _of_kind(tables, "VIEW"),
        _of_kind(tables, "SEQUENCE"),
        tuple((str(one), str(table)) for one, table in triggers),
        tuple((str(one), str(kind)) for one, kind in routines),
        tuple(str(one) for (one,) in events),
    )


def definition(row: Sequence[object], kind: str) -> str:
    """Return the text that `SHOW CREATE` has answered for a thing of that kind."""
    return str(row[_COLUMN.get(kind, 2)])


def definitions(session: Session, database: str, names: Inventory) -> dict[Thing, str]:
    """Return how all of it is defined, and the database itself. One message.

    The text of a table has its next id in it.
    """
    things = [("DATABASE", ""), *(("TABLE", name) for name in (*names.tables, *names.views))]
    things += [("SEQUENCE", name) for name in names.sequences]
    things += [(kind, name) for name, kind in names.routines]
    things += [("TRIGGER", name) for name, _ in names.triggers]
    things += [("EVENT", name) for name in names.events]
    there = quoted(database)
    answers = session.results(
        [
            f"SHOW CREATE {kind} {there}" + (f".{quoted(name)}" if name else "")
            for kind, name in things
        ]
    )
    return {
        thing: definition(rows[0], thing[0]) for thing, rows in zip(things, answers, strict=True)
    }


def _of_kind(tables: Sequence[Sequence[object]], *kinds: str) -> tuple[str, ...]:
    return tuple(str(table) for table, its in tables if its in kinds)
