"""The rows of a database: what the template has, and the statements that bring it back.

A table that is empty in the template is emptied. One that has rows there is looked at: each row
knows the transaction that wrote it, so if there are as many rows as there were, and none is of a
later transaction, nothing was changed, deleted or added. Reading that costs 0.06 ms for 1,000
rows. If something was, the rows that differ are deleted, and the ones that lack are written again,
from a copy of the template's rows in this process. (A copy in the database would be in the way of
tests: a column of a type keeps the type from being dropped.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_oneloop.databases.postgresql import quote_literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_oneloop.databases.postgresql import Admin

# Beyond this, another clone of the template is quicker than to write the rows again.
_KEPT_ROWS = 2000
_KEPT_CHARACTERS = 256 * 1024

# What is switched off while this role restores: `O` is what a plain session fires, `R` a replica.
_FIRING = {True: "('R', 'A')", False: "('O', 'A')"}

_TABLES = """
SELECT c.oid::int8, format('%I.%I', n.nspname, c.relname), c.relkind = 'r',
  has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
    AND NOT row_security_active(c.oid),
  has_table_privilege(c.oid, 'DELETE') AND has_table_privilege(c.oid, 'INSERT')
    AND NOT EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type IN ('3', '4')
      AND r.ev_enabled IN {firing}),
  EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal
    AND t.tgenabled IN {firing}),
  ARRAY(SELECT quote_ident(a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid
    AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND (c.relkind = 'r' OR c.relispopulated)
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
ORDER BY c.oid
"""
_LARGE_OBJECTS = (
    "SELECT count(*) FILTER (WHERE NOT pg_catalog.has_table_privilege("
    "'pg_catalog.pg_largeobject', 'SELECT')), count(*), array_agg(oid::int8) "
    "FROM pg_catalog.pg_largeobject_metadata"
)


@dataclass(frozen=True, slots=True)
class Table:
    """One table, or materialized view, as the template has it.

    Attributes:
        oid: Its number in the catalog.
        name: Quoted and qualified by its schema.
        rows: How many it has.
        writable: Whether its rows can be deleted and written by this role, to that effect.
        watched: Whether triggers go off when they are.
        columns: Those that can be written, quoted.
        kept: Its rows as texts, unless they are too many.
    """

    oid: int
    name: str
    rows: int
    writable: bool
    watched: bool
    columns: tuple[str, ...] = ()
    kept: tuple[str, ...] | None = None

    @property
    def emptied(self) -> bool:
        """Whether it is empty in the template, and is emptied after a test."""
        return self.rows == 0 and self.writable


@dataclass(frozen=True, slots=True)
class ContentBaseline:
    """All rows of a database, as the template has them.

    Attributes:
        tables: By their numbers, upwards.
        unseen: What this role may not read, so that nobody can say whether it was changed.
        objects: The template's large objects.
        pages: How many rows hold their data.
    """

    tables: tuple[Table, ...]
    unseen: tuple[str, ...] = ()
    objects: tuple[int, ...] = ()
    pages: int = 0

    @property
    def watched(self) -> bool:
        """Whether triggers may write while rows are put back, so that one has to look again."""
        return any(table.watched for table in self.tables)


def read_contents(admin: Admin, *, replica: bool) -> ContentBaseline:
    """Read the baseline (10 ms with 50 tables). Nothing may use the database meanwhile.

    Args:
        admin: Connected to the database.
        replica: Whether its session fires only the triggers and rules that a replica fires.
    """
    firing = _FIRING[replica]
    rows = admin.rows(_TABLES.replace("{firing}", firing))
    unseen = [str(name) for _, name, _, seen, *_ in rows if not seen]
    seen_rows = [row for row in rows if row[3]]
    counts = _counts(admin, [str(row[1]) for row in seen_rows])
    tables = tuple(_table(admin, row, count) for row, count in zip(seen_rows, counts, strict=True))
    [(hidden, number, objects)] = admin.rows(_LARGE_OBJECTS)
    pages = 0
    if hidden:
        unseen.append("the large objects")
    elif number:
        [(counted,)] = admin.rows("SELECT count(*) FROM pg_catalog.pg_largeobject")
        pages = int(str(counted))
    known = tuple(int(one) for one in objects) if isinstance(objects, list) else ()
    return ContentBaseline(tables, tuple(unseen), known, pages)


def _counts(admin: Admin, names: list[str]) -> list[int]:
    counted: list[int] = []
    # A row has at most 1,664 columns.
    for start in range(0, len(names), 1000):
        parts = ", ".join(f"(SELECT count(*) FROM {name})" for name in _only(names[start:][:1000]))
        [row] = admin.rows(f"SELECT {parts}")
        counted += [int(str(count)) for count in row]
    return counted


def _only(names: Iterable[str]) -> list[str]:
    return [f"ONLY {name}" for name in names]


def _table(admin: Admin, row: tuple[object, ...], count: int) -> Table:
    oid, name, is_table, _, writable, watched, columns = row
    kept: tuple[str, ...] | None = None
    if is_table and writable and columns and 0 < count <= _KEPT_ROWS:
        texts = admin.rows(f"SELECT oneloop::text FROM ONLY {name} AS oneloop")
        kept = tuple(str(text) for (text,) in texts)
        if sum(map(len, kept)) > _KEPT_CHARACTERS:
            kept = None
    return Table(
        oid=int(str(oid)),
        name=str(name),
        rows=count,
        writable=bool(is_table) and bool(writable),
        watched=bool(watched),
        columns=tuple(map(str, columns)) if isinstance(columns, list) else (),
        kept=kept,
    )


def emptying_sql(contents: ContentBaseline) -> str:
    """Return the parts of a WITH that empty what is empty in the template; may be empty itself.

    All of them are one statement, so foreign keys are checked when all rows are gone, in whatever
    order. It costs 0.1 ms as part of a prepared statement, with 50 tables, 3 of them written.
    """
    return ", ".join(
        f"oneloop_{place} AS (DELETE FROM ONLY {table.name})"
        for place, table in enumerate(contents.tables)
        if table.emptied
    )


def written_sql(contents: ContentBaseline, since: str) -> str:
    """Return an expression for the places of the tables that are not as the template has them.

    Args:
        contents: The baseline.
        since: An expression for the transaction after which a row is new.
    """
    new = f"age(xmin) < (SELECT age({since}))"
    parts = [
        f"CASE WHEN EXISTS (SELECT FROM ONLY {table.name}) THEN {place} END"
        if table.emptied
        else (
            f"(SELECT CASE WHEN count(*) <> {table.rows} OR bool_or({new}) THEN {place} END "
            f"FROM ONLY {table.name})"
        )
        for place, table in enumerate(contents.tables)
    ]
    return f"array_remove(ARRAY[{', '.join(parts)}]::int4[], NULL)"


def objects_sql(contents: ContentBaseline, since: str) -> str:
    """Return an expression for what was done to large objects: how many, or -1 for one of ours.

    New ones are removed while it is read.
    """
    known = "{" + ",".join(map(str, contents.objects)) + "}"
    new = (
        "(SELECT count(lo_unlink(oid)) FROM pg_catalog.pg_largeobject_metadata "
        f"WHERE oid <> ALL ('{known}'::oid[]))"
    )
    if not contents.objects or contents.unseen:
        return new
    old = f"= ANY ('{known}'::oid[]) AND age(xmin) >= (SELECT age({since}))"
    return (
        "CASE WHEN (SELECT count(*) FROM pg_catalog.pg_largeobject_metadata "
        f"WHERE oid {old}) <> {len(contents.objects)} OR "
        f"(SELECT count(*) FROM pg_catalog.pg_largeobject WHERE loid {old}) <> {contents.pages} "
        f"OR (SELECT count(*) FROM pg_catalog.pg_largeobject WHERE loid = ANY ('{known}'::oid[])) "
        f"<> {contents.pages} THEN -1 ELSE {new} END"
    )


def rewriting_sql(tables: Iterable[Table]) -> str:
    """Return the statement that puts rows of the template back; it gives its transaction.

    Rows are compared as wholes, and equal ones counted, so only what differs is touched.
    """
    parts: list[str] = []
    for place, table in enumerate(tables):
        rows = ",".join(map(quote_literal, table.kept or ()))
        same = "USING (line, number) WHERE {}.line IS NULL"
        parts.append(
            f"now_{place} AS MATERIALIZED (SELECT ctid, oneloop::text AS line, row_number() "
            f"OVER (PARTITION BY oneloop::text) AS number FROM ONLY {table.name} AS oneloop)"
        )
        parts.append(
            f"kept_{place} AS MATERIALIZED (SELECT line, row_number() OVER (PARTITION BY line) "
            f"AS number FROM unnest(ARRAY[{rows}]::text[]) AS line)"
        )
        parts.append(
            f"gone_{place} AS (DELETE FROM ONLY {table.name} WHERE ctid = ANY (ARRAY(SELECT "
            f"n.ctid FROM now_{place} n LEFT JOIN kept_{place} k {same.format('k')})) RETURNING 1)"
        )
        values = ", ".join(f"(back.whole).{name}" for name in table.columns)
        lacking = (
            f"SELECT k.line::{table.name} AS whole FROM kept_{place} k "
            f"LEFT JOIN now_{place} n {same.format('n')}"
        )
        # Reading the deleted ones first: two rows of one key would not do at any time.
        after = f"(SELECT count(*) FROM gone_{place}) >= 0"
        columns = ", ".join(table.columns)
        into = f"({columns}) OVERRIDING SYSTEM VALUE SELECT {values}"
        parts.append(
            f"back_{place} AS (INSERT INTO {table.name} {into} "
            f"FROM ({lacking}) AS back WHERE {after})"
        )
    return f"WITH {', '.join(parts)} SELECT pg_current_xact_id()::xid::text"
