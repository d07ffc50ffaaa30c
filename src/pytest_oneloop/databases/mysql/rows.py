"""What rows a table has: how they are copied, and a digest that changes whenever they do.

`CHECKSUM TABLE` would be ten times as fast, but it reads a row's columns as one string: it takes
('ab', 'c') for ('a', 'bc'). A digest costs some 4 ms for 1000 rows, and nothing for an empty table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_oneloop.databases.mysql.server import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_oneloop.databases.mysql.inventory import Inventory
    from pytest_oneloop.databases.mysql.server import Session

_NUMBERED: Final = frozenset({"bit", "enum", "set"})
"""Values with a number: two of an ENUM may have the same text, the empty one."""

_SHORT: Final = frozenset(
    (
        *("tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "double", "year"),
        *("date", "time", "datetime", "timestamp", "char", "varchar", "binary", "varbinary"),
    )
)
"""Types whose values of one row fit in one message together; others are digested one by one."""

_COMPUTED: Final = re.compile(r"\b(?:STORED|VIRTUAL) GENERATED\b", re.IGNORECASE)
_PERIODS: Final = frozenset({"ROW START", "ROW END"})
_BY_TIME: Final = "timestamp"


@dataclass(frozen=True, slots=True)
class Column:
    """A column whose values are written, not computed.

    Attributes:
        name: As SQL has it, in quotes.
        kind: Its type, in small letters, without a length.
    """

    name: str
    kind: str

    @property
    def text(self) -> str:
        """An expression for its value: a text that no other value has, and without a comma."""
        if self.kind in _NUMBERED:
            return f"IFNULL({self.name} + 0, '-')"
        if self.kind == "float":  # as text it has six digits only
            return f"IFNULL({self.name} * 1E0, '-')"
        value = f"CAST({self.name} AS BINARY)"
        return f"IFNULL({f'HEX({value})' if self.kind in _SHORT else f'SHA2({value}, 256)'}, '-')"


@dataclass(frozen=True, slots=True)
class Table:
    """A table with rows.

    Attributes:
        name: As SQL has it, in quotes.
        columns: What is copied, with the times of rows where its history is copied.
        versioned: MariaDB keeps its rows of earlier times (`WITH SYSTEM VERSIONING`).
        history: These can be copied.
    """

    name: str
    columns: tuple[Column, ...]
    versioned: bool = False
    history: bool = False

    def filling(self, source: str) -> str:
        """Return the statement that fills it with the rows of another database's."""
        names = ", ".join(column.name for column in self.columns)
        past = " FOR SYSTEM_TIME ALL" if self.history else ""
        return (
            f"INSERT INTO {self.name} ({names})"
            f" SELECT {names} FROM {quoted(source)}.{self.name}{past}"
        )

    def emptying(self) -> list[str]:
        """Return the statements that empty it."""
        past = [f"DELETE HISTORY FROM {self.name}"] if self.versioned else []
        return [f"DELETE FROM {self.name}", *past]

    def digest(self) -> str:
        """Return the question for how many rows there are, and the sum of their digests.

        A sum, since equal rows would cancel each other out in an exclusive or.
        """
        row = f"CONCAT_WS(',', {', '.join(column.text for column in self.columns)})"
        first = f"CAST(CONV(LEFT(SHA2({row}, 256), 16), 16, 10) AS UNSIGNED)"
        past = " FOR SYSTEM_TIME ALL" if self.versioned else ""
        return f"SELECT COUNT(*), SUM({first}) FROM {self.name}{past}"


def tables(session: Session, database: str, there: Inventory) -> dict[str, Table]:
    """Return the tables with rows, by name. One message; one more if there is history."""
    written: dict[str, list[Column]] = {name: [] for name in there.tables}
    periods: dict[str, list[Column]] = {}
    for table, column, kind, extra, expression in session.rows(
        "SELECT table_name, column_name, data_type, extra, generation_expression"
        " FROM information_schema.columns WHERE table_schema = %s"
        " ORDER BY table_name, ordinal_position",
        database,
    ):
        one = Column(quoted(str(column)), str(kind).lower())
        if expression in _PERIODS:
            periods.setdefault(str(table), []).append(one)
        elif table in written and not _COMPUTED.search(str(extra)):
            written[str(table)].append(one)
    movable = bool(there.versioned) and _moves_history(session)
    found = {}
    for name, its in written.items():
        times = periods.get(name, [Column("ROW_START", _BY_TIME), Column("ROW_END", _BY_TIME)])
        # Rows with the numbers of transactions in the place of times can only come by themselves.
        history = name in there.versioned and movable and {one.kind for one in times} == {_BY_TIME}
        chosen = (*its, *times) if history else tuple(its)
        found[name] = Table(quoted(name), chosen, name in there.versioned, history)
    return found


def _moves_history(session: Session) -> bool:
    """Whether the server lets history be written."""
    [(allowed,)] = session.rows(
        "SELECT COUNT(*) FROM information_schema.system_variables"
        " WHERE variable_name = 'SYSTEM_VERSIONING_INSERT_HISTORY'"
        " AND @@secure_timestamp = 'NO'"
    )
    return bool(allowed)


def digests(session: Session, its: Mapping[str, Table]) -> dict[str, object]:
    """Return the digest of each table's rows, in whatever order they lie. One message."""
    answers = session.results([table.digest() for table in its.values()])
    return {name: rows[0] for name, rows in zip(its, answers, strict=True)}
