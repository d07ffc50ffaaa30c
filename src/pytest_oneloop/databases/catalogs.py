"""Notices a changed schema: whatever a test can change is a row of a system catalog.

Two questions. The cheap one is asked after each test: how many rows has each catalog, and is one of
them of a transaction later than the baseline? A change answers it, but so does what changes
nothing that anyone could see: a temporary table, TRUNCATE, REINDEX. So the other question follows,
for the catalogs concerned: is what their rows say still the same?

Not noticed is what is done to the server's own types, operators and functions' arguments by a
superuser who writes to the catalogs, comments and rights on columns of system catalogs, and what
belongs to the whole server: roles, tablespaces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_oneloop.databases.postgresql import Admin

# Rows (large objects, statistics), not the schema; or not of this database.
_APART = (
    "pg_largeobject",
    "pg_largeobject_metadata",
    "pg_statistic",
    "pg_statistic_ext_data",
    "pg_subscription_rel",
)
_THIS = "(SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())"
_SHARED = {
    "pg_database": "datname = current_database()",
    "pg_db_role_setting": f"setdatabase = {_THIS}",
    # Comments and labels, of the database itself.
    "pg_shdescription": f"classoid = 1262 AND objoid = {_THIS}",
    "pg_shseclabel": f"classoid = 1262 AND objoid = {_THIS}",
    "pg_subscription": f"subdbid = {_THIS}",
}
# The first number that the server does not use for its own objects.
_FIRST = 16384
_PG_CLASS = 1259
_PG_TOAST = 99
# Large catalogs, of which only the project's part is looked at, by an index.
_PARTS = {
    "pg_attribute": f"attrelid >= {_FIRST}",
    "pg_description": f"objoid >= {_FIRST}",
    "pg_operator": f"oid >= {_FIRST}",
    "pg_amop": f"oid >= {_FIRST}",
    "pg_amproc": f"oid >= {_FIRST}",
    "pg_ts_config_map": f"mapcfg >= {_FIRST}",
    # Who owns a sequence is said here alone; all else repeats what other catalogs say.
    "pg_depend": f"classid = {_PG_CLASS} AND objid >= {_FIRST} AND deptype IN ('a', 'i')",
}
_TEMPORARY = "(SELECT oid FROM pg_catalog.pg_class WHERE relpersistence = 't')"
_TEMPORARY_SCHEMAS = (
    "(SELECT oid FROM pg_catalog.pg_namespace WHERE nspname ~ '^pg_(toast_)?temp_')"
)
# Which rows are of temporary objects, of the test's sessions.
_PASSING = {
    "pg_namespace": "nspname ~ '^pg_(toast_)?temp_'",
    "pg_class": f"relnamespace IN {_TEMPORARY_SCHEMAS}",
    "pg_type": f"typnamespace IN {_TEMPORARY_SCHEMAS}",
    "pg_proc": f"pronamespace IN {_TEMPORARY_SCHEMAS}",
    "pg_constraint": f"connamespace IN {_TEMPORARY_SCHEMAS}",
    "pg_attribute": f"attrelid IN {_TEMPORARY}",
    "pg_attrdef": f"adrelid IN {_TEMPORARY}",
    "pg_index": f"indrelid IN {_TEMPORARY}",
    "pg_inherits": f"inhrelid IN {_TEMPORARY}",
    "pg_sequence": f"seqrelid IN {_TEMPORARY}",
    "pg_trigger": f"tgrelid IN {_TEMPORARY}",
    "pg_description": f"objoid IN {_TEMPORARY}",
    "pg_depend": f"objid IN {_TEMPORARY}",
}
# Columns that say where and how something is stored, and flags that are tidied up late.
_STORAGE = {
    "pg_class": (
        *("relfilenode", "relpages", "reltuples", "relallvisible", "relallfrozen"),
        *("relfrozenxid", "relminmxid", "relhasindex", "relhasrules", "relhastriggers"),
        "relhassubclass",
    ),
    "pg_index": ("indcheckxmin",),
    # Another clone of the template has a number and a name of its own.
    "pg_database": ("oid", "datname", "datfrozenxid", "datminmxid"),
}
# What has a name worth keeping, in case it is dropped.
_NAMED = {
    "pg_class": f"oid >= {_FIRST} AND relkind <> 'c' AND relnamespace <> {_PG_TOAST}",
    "pg_proc": f"oid >= {_FIRST}",
    "pg_type": f"oid >= {_FIRST} AND typtype IN ('e', 'd', 'r')",
    "pg_extension": "true",
    "pg_namespace": "true",
    "pg_trigger": "NOT tgisinternal",
    "pg_constraint": f"oid >= {_FIRST}",
    "pg_policy": "true",
}
# What people think of as changed comes first, the parts of it last.
_RANKS = (
    *("pg_namespace", "pg_extension", "pg_class", "pg_type", "pg_proc", "pg_attribute"),
    *("pg_constraint", "pg_trigger", "pg_policy"),
)
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Catalog:
    """One system catalog.

    Attributes:
        name: `pg_class`.
        oid: Its own number, for `pg_describe_object`.
        keyed: Whether its rows have a number of their own, by which the server names them.
        where: Which of its rows are looked at.
        digest: What these rows said at the baseline, temporary objects aside.
    """

    name: str
    oid: int
    keyed: bool
    where: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class SchemaBaseline:
    """All catalogs of a database, as the template has them.

    Attributes:
        catalogs: In the order in which `counts_sql` answers.
        names: What each named object is called: by catalog and number.
    """

    catalogs: tuple[Catalog, ...]
    names: dict[tuple[int, int], str]


def read_catalogs(admin: Admin) -> SchemaBaseline:
    """Read the baseline (some 30 ms with 50 tables). Nothing may use the database meanwhile."""
    apart = ", ".join(f"'{name}'" for name in _APART)
    shared = ", ".join(f"'{name}'" for name in _SHARED)
    rows = admin.rows(
        "SELECT relname, c.oid::int8, EXISTS (SELECT FROM pg_attribute a WHERE "
        "a.attrelid = c.oid AND a.attname = 'oid' AND c.relname <> 'pg_enum') FROM pg_class c "
        "WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' "
        f"AND (NOT relisshared OR relname IN ({shared})) AND relname NOT IN ({apart}) "
        # A role may be kept from some (pg_user_mapping); then it cannot write to them either.
        "AND has_table_privilege(c.oid, 'SELECT') ORDER BY relname"
    )
    found = [
        Catalog(
            str(name),
            int(str(oid)),
            bool(keyed),
            _PARTS.get(str(name)) or _SHARED.get(str(name)) or "true",
        )
        for name, oid, keyed in rows
    ]
    digests = _digests(admin, found)
    named = " UNION ALL ".join(
        f"SELECT {one.oid}, oid::int8, pg_describe_object({one.oid}, oid, 0) "
        f"FROM pg_catalog.{one.name} WHERE {_NAMED[one.name]}"
        for one in found
        if one.name in _NAMED
    )
    return SchemaBaseline(
        tuple(
            Catalog(one.name, one.oid, one.keyed, one.where, digest)
            for one, digest in zip(found, digests, strict=True)
        ),
        {(int(str(catalog)), int(str(oid))): str(name) for catalog, oid, name in admin.rows(named)},
    )


def total_sql(schema: SchemaBaseline, since: str) -> str:
    """Return an expression for the number of rows of all catalogs, or -1 if one of them is new.

    It costs 0.9 ms as part of a prepared statement, with 50 tables: two thirds of a restoration.

    Args:
        schema: The baseline.
        since: An expression for the transaction after which a row is new.
    """
    rows = " UNION ALL ".join(
        f"SELECT xmin FROM pg_catalog.{one.name} WHERE {one.where}" for one in schema.catalogs
    )
    new = f"age(xmin) < (SELECT age({since}))"
    return f"(SELECT CASE WHEN bool_or({new}) THEN -1 ELSE count(*) END FROM ({rows}) AS every)"


def counts_sql(schema: SchemaBaseline, since: str) -> str:
    """Return an expression: for each catalog its number of rows, or -1 if one of them is new.

    Args:
        schema: The baseline.
        since: An expression for the transaction after which a row is new.
    """
    new = f"age(xmin) < (SELECT age({since}))"
    parts = ", ".join(
        f"(SELECT CASE WHEN bool_or({new}) THEN -1 ELSE count(*) END "
        f"FROM pg_catalog.{one.name} WHERE {one.where})"
        for one in schema.catalogs
    )
    return f"ARRAY[{parts}]::int8[]"


def changes(
    admin: Admin, schema: SchemaBaseline, places: Sequence[int], since: str
) -> tuple[str, ...]:
    """Say what differs from the baseline in some catalogs; empty if nothing that matters does.

    Args:
        admin: Connected to the database.
        schema: The baseline.
        places: Which catalogs, by their places in it.
        since: The transaction after which a row is new.
    """
    asked = [schema.catalogs[place] for place in places]
    differ = [
        one
        for one, digest in zip(asked, _digests(admin, asked, since), strict=True)
        if digest != one.digest
    ]
    if not differ:
        return ()
    ranks = {name: rank for rank, name in enumerate(_RANKS)}
    differ.sort(key=lambda one: ranks.get(one.name, len(ranks)))
    words: list[str] = []
    for one in differ:
        # Defaults, dependencies and the like repeat what the others say.
        if one.name in ranks or not words:
            words += _described(admin, schema, one, since)
    words = list(dict.fromkeys(words)) or [f"rows of {one.name} differ" for one in differ]
    more = [f"and {len(words) - _SHOWN} more"] if len(words) > _SHOWN else []
    return (*words[:_SHOWN], *more)


def _described(admin: Admin, schema: SchemaBaseline, one: Catalog, since: str) -> list[str]:
    """Name the rows of one catalog that are new, changed or gone."""
    new = f"age(xmin) < age('{since}'::xid) AND NOT ({_PASSING.get(one.name, 'false')})"
    if one.name == "pg_attribute":
        rows = admin.rows(
            "SELECT attrelid::int8, pg_describe_object(1259, attrelid, attnum) "
            f"FROM pg_catalog.pg_attribute WHERE attnum > 0 AND {new} ORDER BY attrelid, attnum"
        )
        # The columns of a new table go without saying.
        old = {oid for catalog, oid in schema.names if catalog == _PG_CLASS}
        return [f"new or changed: {name}" for oid, name in rows if oid in old]
    if not one.keyed:
        return []
    known = {oid: name for (catalog, oid), name in schema.names.items() if catalog == one.oid}
    rows = admin.rows(
        f"SELECT oid::int8, pg_describe_object({one.oid}, oid, 0) FROM pg_catalog.{one.name} "
        f"WHERE {new} AND {_NAMED.get(one.name, 'true')} ORDER BY oid"
    )
    words = [f"{'changed' if int(str(oid)) in known else 'new'}: {name}" for oid, name in rows]
    left = {int(str(oid)) for (oid,) in admin.rows(f"SELECT oid::int8 FROM pg_catalog.{one.name}")}
    return words + [f"dropped: {name}" for oid, name in known.items() if oid not in left]


def _digests(admin: Admin, catalogs: Sequence[Catalog], since: str | None = None) -> list[str]:
    """Return a digest of what the rows of each catalog say, in the same order.

    Of the server's own objects, which are many, it says only how many there are, and whether one
    was changed since.
    """
    parts = []
    for one in catalogs:
        row = "t::text"
        if one.name in _STORAGE:
            columns = ", ".join(f"'{column}'" for column in _STORAGE[one.name])
            row = f"(to_jsonb(t) - ARRAY[{columns}])::text"
        ours = f"t.oid >= {_FIRST}" if one.keyed else "true"
        # A hash of each row, and their sum: quicker than to sort them.
        digest = (
            "count(*) || ' ' || "
            f"coalesce(sum(CASE WHEN {ours} THEN hashtextextended({row}, 0)::numeric END), 0)"
        )
        if since is not None:
            new = f"age(t.xmin) < age('{since}'::xid) AND NOT ({ours})"
            digest += f" || CASE WHEN bool_or({new}) THEN ' and more' ELSE '' END"
        parts.append(
            f"(SELECT {digest} FROM pg_catalog.{one.name} t WHERE {one.where} "
            f"AND NOT ({_PASSING.get(one.name, 'false')}))"
        )
    [row_of_all] = admin.rows(f"SELECT {', '.join(parts)}")
    return [str(digest) for digest in row_of_all]
