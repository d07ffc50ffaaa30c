"""What a statement does on MySQL and MariaDB, read off its text.

As for PostgreSQL, a statement is a *read* only when its text shows that it cannot change a row.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from pytest_oneloop.sandbox.entries import Effect
from pytest_oneloop.sandbox.mysql.commits import implicit_commit
from pytest_oneloop.sandbox.mysql.text import commands, name_of
from pytest_oneloop.sandbox.statements import (
    Commits,
    Control,
    Query,
    Release,
    RollbackTo,
    Savepoint,
    Statement,
)

_NAME: Final = r"(?P<name>`(?:[^`]|``)+`|[\w$]+)\s*$"
_OWN: Final = (
    (re.compile(r"SAVEPOINT\s+" + _NAME, re.IGNORECASE), Savepoint),
    (re.compile(r"RELEASE\s+SAVEPOINT\s+" + _NAME, re.IGNORECASE), Release),
    (
        re.compile(r"ROLLBACK\s+(?:WORK\s+)?TO\s+(?:SAVEPOINT\s+)?" + _NAME, re.IGNORECASE),
        RollbackTo,
    ),
)
_CONTROL: Final = re.compile(
    r"(?:COMMIT|ROLLBACK)\b(?!\s+(?:WORK\s+)?TO\b)|XA\s+(?!RECOVER\b)\w+", re.IGNORECASE
)
_PLAIN_END: Final = re.compile(
    r"(?P<command>COMMIT|ROLLBACK)(?:\s+WORK)?(?:\s+AND\s+NO\s+CHAIN)?(?:\s+NO\s+RELEASE)?",
    re.IGNORECASE,
)
_SESSION: Final = re.compile(
    r"SET\s+(?!(?:STATEMENT|GLOBAL|PERSIST|PERSIST_ONLY|TRANSACTION)\b|@@(?:global|persist)\b)"
    r"|USE\s|(?:CREATE\s+(?:OR\s+REPLACE\s+)?|DROP\s+)TEMPORARY\b|PREPARE\b|HANDLER\b",
    re.IGNORECASE,
)
_ASSIGNS: Final = re.compile(
    r"(?<![@\w`'])@[\w$.`']+\s*:=|\bINTO\s+@|\bGET_LOCK\s*\(", re.IGNORECASE
)
_READERS: Final = frozenset(
    """
    SELECT VALUES TABLE WITH SHOW EXPLAIN DESCRIBE DESC HELP CHECKSUM SET USE DEALLOCATE PREPARE
    """.split()  # noqa: SIM905 - as a list it would fill pages
)
_CHANGES: Final = re.compile(
    r"\b(?:INSERT\s+INTO|UPDATE|DELETE|REPLACE\s+INTO|OUTFILE|DUMPFILE|NEXTVAL|NEXT\s+VALUE|FOR\s+SHARE"
    r"|LOCK\s+IN\s+SHARE\s+MODE)\b",
    re.IGNORECASE,
)
_CALL: Final = re.compile(r"(?P<schema>[\w`]+\s*\.\s*)?(?P<name>[A-Za-z_]\w*|`[^`]*`)\s*\(")
# Words that a parenthesis may follow, and functions of the servers that change nothing.
_HARMLESS: Final = frozenset(
    """
    all and any as between by case cast char coalesce count date decimal default distinct div else
    except exists from group having if ifnull in insert intersect interval is join left like limit
    match materialized mod not nullif offset on or order over partition replace right row rows
    select set some straight_join table then time timestamp union unsigned using values when where
    with xor year

    abs acos adddate addtime any_value ascii asin atan atan2 avg bin bin_to_uuid bit_and bit_count
    bit_length bit_or bit_xor ceil ceiling char_length character_length charset coercibility
    collation concat concat_ws connection_id conv convert convert_tz cos cot crc32 cume_dist
    curdate current_date current_role current_time current_timestamp current_user curtime database
    date_add date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear degrees
    dense_rank elt exp export_set extract field find_in_set first_value floor format found_rows
    from_base64 from_days from_unixtime get_format greatest group_concat grouping hex hour
    inet6_aton inet6_ntoa inet_aton inet_ntoa instr is_free_lock is_ipv4 is_ipv6 is_used_lock
    is_uuid isnull lag last_day last_insert_id last_value lcase lead least length ln localtime
    localtimestamp locate log log10 log2 lower lpad ltrim makedate maketime max md5 microsecond mid
    min minute month monthname now nth_value ntile oct octet_length ord percent_rank period_add
    period_diff pi position pow power quarter quote radians rand rank regexp_instr regexp_like
    regexp_replace regexp_substr repeat reverse round row_count row_number rpad rtrim schema
    sec_to_time second session_user sha sha1 sha2 sign sin soundex space sqrt std stddev stddev_pop
    stddev_samp str_to_date strcmp subdate substr substring substring_index subtime sum sysdate
    system_user tan time_format time_to_sec timediff timestampadd timestampdiff to_base64 to_days
    to_seconds trim truncate ucase uncompress unhex unix_timestamp upper user utc_date utc_time
    utc_timestamp uuid uuid_short uuid_to_bin var_pop var_samp variance version week weekday
    weekofyear weight_string yearweek

    bigint binary bit blob datetime double enum float int integer numeric signed smallint text
    tinyint varbinary varchar
    """.split()  # noqa: SIM905 - as a list it would fill pages
)
_HARMLESS_FAMILY: Final = re.compile(r"(?:json|st|mbr)_?\w+", re.IGNORECASE)


@lru_cache(maxsize=4096)
def read(sql: str) -> Statement:
    """Tell what a text is; remembers the last few thousand.

    Of several commands in one text the one counts that a sandbox has to know of: one that ends
    the transaction before one that writes, and that before one that reads.
    """
    if (named := implicit_commit(sql)) is not None:
        return Commits(named)
    found = commands(sql)
    if len(found) == 1:
        for pattern, make in _OWN:
            if match := pattern.match(found[0]):
                return make(name_of(match["name"]))
        if match := _PLAIN_END.fullmatch(found[0]):
            return Control(match["command"].upper())
    effect = Effect.READ
    for command in found:
        if _CONTROL.match(command):
            # A plain one in the company of others is not to be taken for one alone.
            return Control(" ".join(sql.upper().split()))
        if not _only_reads(command):
            effect = Effect.WRITE
    return Query(effect)


@lru_cache(maxsize=4096)
def changes_session(sql: str) -> bool:
    """Tell whether a text may change what its connection knows, which no rollback puts back."""
    return any(_SESSION.match(c) or _ASSIGNS.search(c) for c in commands(sql))


def _only_reads(command: str) -> bool:
    word = re.match(r"[\s(]*([A-Za-z]+)", command)
    if word is None or word[1].upper() not in _READERS:
        return not command.strip("() \t\r\n")
    return not _CHANGES.search(command) and all(map(_is_harmless, _CALL.finditer(command)))


def _is_harmless(call: re.Match[str]) -> bool:
    name = call["name"].lower()
    if call["schema"] is not None:
        return False
    return name in _HARMLESS or _HARMLESS_FAMILY.fullmatch(name) is not None
