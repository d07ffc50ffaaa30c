"""What a statement does, read off its text.

The answer may err on one side only: a statement is a *read* when its text shows that it cannot
change anything, and a *write* otherwise. A write takes its turn and is undone by a rollback; so
to call a read a write costs a little, and the opposite would be wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pytest_oneloop.sandbox.entries import Effect


@dataclass(frozen=True, slots=True)
class Query:
    """Any statement that is not about transactions."""

    effect: Effect


@dataclass(frozen=True, slots=True)
class Savepoint:
    """`SAVEPOINT name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Release:
    """`RELEASE SAVEPOINT name`."""

    name: str


@dataclass(frozen=True, slots=True)
class RollbackTo:
    """`ROLLBACK TO SAVEPOINT name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Control:
    """A statement that begins or ends a transaction behind the driver's back: `COMMIT`, ..."""

    command: str


@dataclass(frozen=True, slots=True)
class Commits:
    """A statement that ends the transaction as a side effect, as `CREATE TABLE` does on MySQL."""

    command: str


Statement = Query | Savepoint | Release | RollbackTo | Control | Commits

# What a statement may hold whose inside is no SQL of its own.
_OPAQUE: Final = re.compile(
    r"""(?P<text>\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|(?P<tag>\$(?:[A-Za-z_]\w*)?\$).*?(?P=tag))
    |(?P<name>"(?:[^"]|"")*")
    |(?P<note>--[^\n]*)
    |(?P<block>/\*)""",
    re.DOTALL | re.VERBOSE,
)
_BLOCK_EDGE: Final = re.compile(r"/\*|\*/")
_WORD: Final = re.compile(r"[A-Za-z]+")
_NAME: Final = r'(?P<name>"(?:[^"]|"")+"|[\w$]+)\s*;?\s*$'
_SAVEPOINT: Final = re.compile(r"SAVEPOINT\s+" + _NAME, re.IGNORECASE)
_RELEASE: Final = re.compile(r"RELEASE\s+(?:SAVEPOINT\s+)?" + _NAME, re.IGNORECASE)
_ROLLBACK_TO: Final = re.compile(
    r"ROLLBACK\s+(?:WORK\s+|TRANSACTION\s+)?TO\s+(?:SAVEPOINT\s+)?" + _NAME, re.IGNORECASE
)
_CONTROL: Final = re.compile(
    r"(?:BEGIN|START\s+TRANSACTION|COMMIT|END|ROLLBACK|ABORT|PREPARE\s+TRANSACTION)\b",
    re.IGNORECASE,
)
_LATER_CONTROL: Final = re.compile(r";\s*(?P<command>" + _CONTROL.pattern + ")", re.IGNORECASE)

_SETS: Final = re.compile(
    r"(?:^|;)\s*(?:SET\s+(?!LOCAL\b|TRANSACTION\b|CONSTRAINTS\b)|RESET\b|DISCARD\b|LOAD\b)"
    r"|\bset_config\s*\(",
    re.IGNORECASE,
)

# `PREPARE TRANSACTION` is about something else; its literal is left out of what this looks at.
_PREPARES: Final = re.compile(r"(?:^|;)\s*PREPARE\s+(?!TRANSACTION\s*')", re.IGNORECASE)

_READERS: Final = frozenset(
    {"SELECT", "VALUES", "TABLE", "WITH", "SHOW", "EXPLAIN", "DECLARE", "FETCH", "MOVE", "CLOSE"}
)
_CHANGES: Final = re.compile(
    r"\b(?:INSERT|UPDATE|DELETE|MERGE|INTO|ANALYZE|NEXTVAL"
    r"|FOR\s+(?:NO\s+KEY\s+UPDATE|UPDATE|KEY\s+SHARE|SHARE))\b",
    re.IGNORECASE,
)
_CALL: Final = re.compile(r'(?P<schema>[\w"]+\s*\.\s*)?(?P<name>[A-Za-z_]\w*|"")\s*\(')
_BODY: Final = re.compile(r"\bBEGIN\s+ATOMIC\b", re.IGNORECASE)
# Words that a parenthesis may follow, and PostgreSQL's own functions that change nothing.
_HARMLESS: Final = frozenset(
    """
    all and any array as between by case cast coalesce count current_date distinct else
    except exists extract filter from group having ilike in intersect is join lateral like
    limit materialized not nullif offset on or order over overlaps overlay partition
    position row rows select set similar some substring table then trim tuple union unnest
    using values when where with within

    bigint bit bool boolean bytea char character decimal double float integer int interval
    numeric real smallint text time timestamp timestamptz uuid varchar vector

    abs acos age any_value ascii asin atan avg bit_and bit_length bit_or bool_and bool_or
    btrim cardinality ceil ceiling char_length character_length chr clock_timestamp
    col_description concat concat_ws convert_from convert_to corr cos cot cume_dist
    current_database current_schema current_schemas current_setting current_user date
    date_bin date_part date_trunc decode degrees dense_rank div encode enum_first enum_last
    enum_range every exp first_value floor format format_type generate_series
    generate_subscripts greatest grouping has_schema_privilege has_table_privilege initcap
    isfinite lag last_value lead least left length levenshtein ln log lower lower_inc
    lower_inf lpad ltrim make_date make_interval make_time make_timestamp make_timestamptz
    max md5 min mod mode now nth_value ntile num_nonnulls num_nulls obj_description
    octet_length parse_ident percent_rank percentile_cont percentile_disc pi plainto_tsquery
    phraseto_tsquery pg_typeof power quote_ident quote_literal quote_nullable radians rank
    repeat replace reverse right round row_number rpad rtrim sha256 shobj_description sign
    similarity sin split_part sqrt starts_with statement_timestamp stddev stddev_pop
    stddev_samp strpos strip substr sum tan timezone timeofday transaction_timestamp
    translate trunc txid_current_if_assigned unaccent upper upper_inc upper_inf var_pop
    var_samp variance version websearch_to_tsquery width_bucket word_similarity xmlagg
    """.split()  # noqa: SIM905 - as a list it would fill pages
)
_HARMLESS_FAMILY: Final = re.compile(
    r"(?:array|json|jsonb|regexp|string|range|to|ts|tsvector|tsquery|isempty)_\w+"
    r"|pg_get_\w+|pg_\w+_is_visible|pg_(?:total_)?relation_size",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def read(sql: str) -> Statement:
    """Tell what a statement is; remembers the last few thousand texts."""
    named = _without(sql, notes_only=True).strip().lstrip("(")
    for pattern, make in ((_SAVEPOINT, Savepoint), (_RELEASE, Release), (_ROLLBACK_TO, RollbackTo)):
        if match := pattern.match(named):
            return make(match["name"])
    body = _without(sql).lstrip("( \t\r\n")
    if match := _CONTROL.match(body):
        return Control(" ".join(match[0].upper().split()))
    if not _BODY.search(body) and (match := _LATER_CONTROL.search(body)):
        return Control(" ".join(match["command"].upper().split()))
    if not body.strip("; \t\r\n"):
        return Query(Effect.READ)
    word = _WORD.match(body)
    reads = word is not None and word[0].upper() in _READERS and _only_reads(body)
    return Query(Effect.READ if reads else Effect.WRITE)


@lru_cache(maxsize=4096)
def changes_session(sql: str) -> bool:
    """Tell whether a statement may change settings of the session that outlive its transaction."""
    return _SETS.search(_without(sql)) is not None


@lru_cache(maxsize=4096)
def prepares(sql: str) -> bool:
    """Tell whether a statement gives the session a prepared statement, by SQL's `PREPARE`."""
    return _PREPARES.search(_without(sql)) is not None


def without_literals(sql: str) -> str:
    """Return the text without its comments, and with nothing between quotes; names are kept."""
    return _without(sql, names=True)


def without_notes(sql: str) -> str:
    """Return the text without its comments."""
    return _without(sql, notes_only=True)


def _without(sql: str, *, notes_only: bool = False, names: bool = False) -> str:
    """Return the text with its comments, and the inside of literals and quoted names, left out.

    Args:
        sql: The text.
        notes_only: Keep literals and names.
        names: Keep names.
    """
    parts = []
    at = 0
    while match := _OPAQUE.search(sql, at):
        parts.append(sql[at : match.start()])
        at = match.end()
        if match["block"]:
            parts.append(" ")
            at = _end_of_block(sql, at)
        elif match["note"]:
            parts.append(" ")
        elif notes_only or (names and match["name"]):
            parts.append(match[0])
        else:
            parts.append('""' if match["name"] else "''")
    return "".join(parts) + sql[at:]


def _end_of_block(sql: str, at: int) -> int:
    """Return where a comment ends, which may hold others."""
    depth = 1
    while depth and (edge := _BLOCK_EDGE.search(sql, at)):
        depth += 1 if edge[0] == "/*" else -1
        at = edge.end()
    return len(sql) if depth else at


def _only_reads(body: str) -> bool:
    return not _CHANGES.search(body) and all(map(_is_harmless, _CALL.finditer(body)))


def _is_harmless(call: re.Match[str]) -> bool:
    schema = (call["schema"] or "pg_catalog").rstrip(" .").lower()
    name = call["name"].lower()
    return schema == "pg_catalog" and (
        name in _HARMLESS or _HARMLESS_FAMILY.fullmatch(name) is not None
    )


def text_of(operation: object) -> str:
    """Return the SQL of what a driver executes; of what is no text, something that writes."""
    if isinstance(operation, str):
        return operation
    return operation.decode() if isinstance(operation, bytes) else "an object of the driver"
