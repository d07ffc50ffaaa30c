"""Sequences, and how they start over: ids of one test say nothing about the test before.

A sequence takes no part in transactions: what `nextval` took stays taken after a rollback. What a
test changes about a sequence itself (CREATE, ALTER, RESTART, TRUNCATE ... RESTART IDENTITY) does
take part, and is rolled back with the test.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_oneloop.databases.postgresql import Admin

# `pg_get_sequence_data` tells a sequence that was set from one that was never used.
_HAS_SEQUENCE_DATA = 180000
_LAST = "pg_catalog.pg_sequence_last_value(b.seqrelid::pg_catalog.regclass)"
_SETTING = "oneloop.sequences"
_USER_SCHEMAS = "n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"


@dataclass(frozen=True, slots=True)
class Sequence:
    """One sequence, as the template has it.

    Attributes:
        oid: Its number in the catalog; the same in the template and in its clones.
        name: Quoted and qualified by its schema.
        value: Its last value.
        called: Whether that value has been given out.
        cached: Whether sessions take several values at once, and keep them (CACHE above 1).
        readable: Whether the plugin's role may see its value.
        writable: Whether the role may set its value.
    """

    oid: int
    name: str
    value: int
    called: bool
    cached: bool = False
    readable: bool = True
    writable: bool = True


@dataclass(frozen=True, slots=True)
class SequenceBaseline:
    """All sequences of a database, as the template has them.

    Attributes:
        version: The server's, `180006`.
        sequences: By their numbers, upwards.
    """

    version: int = 0
    sequences: tuple[Sequence, ...] = ()

    @property
    def fixed(self) -> tuple[str, ...]:
        """The sequences that cannot start over, since the role may not set them."""
        return tuple(one.name for one in self.sequences if not (one.readable and one.writable))

    def to_json(self) -> dict[str, object]:
        """Return the baseline as what `json.dumps` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> SequenceBaseline:
        """Read back what `to_json` gave."""
        return cls(facts["version"], tuple(Sequence(**one) for one in facts["sequences"]))


def read_sequences(admin: Admin) -> SequenceBaseline:
    """Read the baseline of the database that `admin` is connected to: two queries.

    Sequences of temporary tables are left out. Nothing may use the database meanwhile.
    """
    [(version,)] = admin.rows("SELECT current_setting('server_version_num')")
    rows = admin.rows(
        "SELECT c.oid::int8, format('%I.%I', n.nspname, c.relname), s.seqcache > 1, "
        "has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(c.oid, 'SELECT'), "
        "has_sequence_privilege(c.oid, 'UPDATE') "
        "FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        f"WHERE c.relpersistence <> 't' AND {_USER_SCHEMAS} ORDER BY c.oid"
    )
    readable = [(int(str(row[0])), str(row[1])) for row in rows if row[3]]
    values = dict.fromkeys((int(str(row[0])) for row in rows), (0, False))
    if readable:
        query = " UNION ALL ".join(
            f"SELECT {oid}, last_value, is_called FROM {name}" for oid, name in readable
        )
        for oid, value, called in admin.rows(query):
            values[int(str(oid))] = (int(str(value)), bool(called))
    return SequenceBaseline(
        int(str(version)),
        tuple(
            Sequence(
                int(str(oid)),
                str(name),
                *values[int(str(oid))],
                bool(cached),
                bool(may_see),
                bool(may_set),
            )
            for oid, name, cached, may_see, may_set in rows
        ),
    )


def restart_sql(baseline: SequenceBaseline) -> str:
    """Return the statement that sets each sequence that differs back; empty if there is none.

    It is for the message that ends one test and begins the next (`ROLLBACK; ...; BEGIN`): one
    statement, without parameters, which changes nothing of the session. It gives one row, how many
    sequences it has set. It costs the server 0.1 ms for 10 sequences and 0.2 ms for 100.

    A sequence that is not there any more is passed over, and so are those that the role may not
    set (`SequenceBaseline.fixed`). The session that runs it forgets the values that it had cached;
    other sessions do not (`DISCARD SEQUENCES` in each of them would do that). Before PostgreSQL 18,
    a sequence that has never been used is set as well, since nothing cheap tells it from one that
    was set to a value by hand.
    """
    known = _known(baseline)
    return _restart(baseline, known) if known else ""


def noting_sql(baseline: SequenceBaseline) -> str:
    """Return the statement that notes where the sequences are now, in a setting of the session.

    For rows that are to stay while several tests run: the ids of the next test come after theirs.
    The setting takes part in transactions, so a rollback to an earlier savepoint brings an earlier
    note back. Empty if there is no sequence.
    """
    known = _known(baseline)
    if not known:
        return ""
    if baseline.version >= _HAS_SEQUENCE_DATA:
        value, called = "d.last_value", "d.is_called"
    else:
        value, called = f"coalesce({_LAST}, b.value)", f"{_LAST} IS NOT NULL"
    note = f"pg_catalog.format('%s %s %s', b.seqrelid, {value}, {called})"
    return (
        f"SELECT pg_catalog.set_config('{_SETTING}', (SELECT pg_catalog.string_agg({note}, ',') "
        f"FROM pg_catalog.pg_sequence AS s JOIN {known} USING (seqrelid)"
        f"{_now(baseline)}), false)"
    )


def restart_noted_sql(baseline: SequenceBaseline) -> str:
    """Return the statement that sets sequences back to where `noting_sql` has noted them."""
    if not _known(baseline):
        return ""
    parts = "pg_catalog.split_part(noted, ' ', {})"
    known = (
        f"(SELECT {parts.format(1)}::pg_catalog.oid AS seqrelid, "
        f"{parts.format(2)}::pg_catalog.int8 AS value, "
        f"{parts.format(3)}::pg_catalog.bool AS called FROM pg_catalog.unnest("
        f"pg_catalog.string_to_array(pg_catalog.current_setting('{_SETTING}'), ',')) AS noted) AS b"
    )
    return _restart(baseline, known)


def _known(baseline: SequenceBaseline) -> str:
    """Return what the template has, as a source of rows: `b(seqrelid, value, called)`."""
    ours = [one for one in baseline.sequences if one.readable and one.writable]
    if not ours:
        return ""
    oids = ",".join(str(one.oid) for one in ours)
    values = ",".join(str(one.value) for one in ours)
    called = ",".join("t" if one.called else "f" for one in ours)
    # Qualified, for a project may have functions of its own by these names.
    return (
        f"ROWS FROM (pg_catalog.unnest('{{{oids}}}'::pg_catalog.oid[]), "
        f"pg_catalog.unnest('{{{values}}}'::pg_catalog.int8[]), "
        f"pg_catalog.unnest('{{{called}}}'::pg_catalog.bool[])) AS b(seqrelid, value, called)"
    )


def _now(baseline: SequenceBaseline) -> str:
    if baseline.version < _HAS_SEQUENCE_DATA:
        return ""
    return ", LATERAL pg_catalog.pg_get_sequence_data(b.seqrelid::pg_catalog.regclass) AS d"


def _restart(baseline: SequenceBaseline, known: str) -> str:
    if baseline.version >= _HAS_SEQUENCE_DATA:
        differs = "d.last_value <> b.value OR d.is_called <> b.called"
    else:
        differs = f"NOT b.called OR {_LAST} IS DISTINCT FROM b.value"
    return (
        "SELECT pg_catalog.count(pg_catalog.setval(b.seqrelid::pg_catalog.regclass, b.value, "
        f"b.called)) FROM pg_catalog.pg_sequence AS s JOIN {known} USING (seqrelid)"
        f"{_now(baseline)} WHERE {differs}"
    )


def restart_branches(baseline: SequenceBaseline) -> str:
    """Return a query of the places, in the baseline, of the sequences that differ.

    It sets them back while it is read, except those that the role may not set, and cached ones:
    for these, other sessions must forget what they have taken (see `restart_cached`). It is for a
    prepared statement; planning it costs more than running it. With 50 sequences it costs 0.1 ms,
    and twice that before PostgreSQL 18.
    """
    if baseline.version >= _HAS_SEQUENCE_DATA:
        return _restart_by_data(baseline)
    branches = []
    for place, one in enumerate(baseline.sequences):
        if not one.readable:
            continue
        called = "NOT is_called" if one.called else "is_called"
        arguments = f"{one.oid}::pg_catalog.regclass, {one.value}, {str(one.called).lower()}"
        done = (
            f"CASE WHEN pg_catalog.setval({arguments}) IS NOT NULL THEN {place} END"
            if one.writable and not one.cached
            else str(place)
        )
        branches.append(
            f"SELECT {done} FROM {one.name} WHERE last_value <> {one.value} OR {called}"
        )
    return " UNION ALL ".join(branches) or "SELECT 0 WHERE false"


def _restart_by_data(baseline: SequenceBaseline) -> str:
    """Return that query where all sequences can be read in one."""
    known = [(place, one) for place, one in enumerate(baseline.sequences) if one.readable]
    columns: dict[str, list[int] | list[bool]] = {
        "int4": [place for place, _ in known],
        "oid": [one.oid for _, one in known],
        "int8": [one.value for _, one in known],
        "bool": [one.called for _, one in known],
    }
    lists = {kind: ",".join(map(str, values)).lower() for kind, values in columns.items()}
    resettable = ",".join(str(one.writable and not one.cached).lower() for _, one in known)
    sources = [f"pg_catalog.unnest('{{{v}}}'::pg_catalog.{kind}[])" for kind, v in lists.items()]
    sources.append(f"pg_catalog.unnest('{{{resettable}}}'::pg_catalog.bool[])")
    number = "b.seqrelid::pg_catalog.regclass"
    return (
        f"SELECT CASE WHEN NOT b.resettable OR pg_catalog.setval({number}, b.value, b.called) "
        f"IS NOT NULL THEN b.place END FROM ROWS FROM ({', '.join(sources)}) "
        f"AS b(place, seqrelid, value, called, resettable){_now(baseline)} "
        "WHERE d.last_value <> b.value OR d.is_called <> b.called"
    )


def restart_cached(sequence: Sequence) -> list[str]:
    """Return the statements that set a cached sequence back, for all sessions.

    `setval` leaves the values that other sessions have taken in advance; a restart, which gives
    the sequence a new file, does not.
    """
    restart = f"ALTER SEQUENCE {sequence.name} RESTART WITH {sequence.value}"
    if not sequence.called:
        return [restart]
    return [restart, f"SELECT pg_catalog.setval({sequence.oid}, {sequence.value}, true)"]
