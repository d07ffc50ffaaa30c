"""What a statement of SQLite does, where that differs from other databases."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from pytest_oneloop.sandbox import statements
from pytest_oneloop.sandbox.entries import Effect

_BEGIN: Final = re.compile(
    r"BEGIN(?:\s+(?:DEFERRED|IMMEDIATE|EXCLUSIVE|CONCURRENT))?(?:\s+TRANSACTION)?[\s;]*",
    re.IGNORECASE,
)
_COMMIT: Final = re.compile(r"(?:COMMIT|END)(?:\s+TRANSACTION)?[\s;]*", re.IGNORECASE)
_ROLLBACK: Final = re.compile(r"ROLLBACK(?:\s+TRANSACTION)?[\s;]*", re.IGNORECASE)
_READS: Final = re.compile(r"(?:SELECT|VALUES|EXPLAIN|WITH)\b", re.IGNORECASE)
_CHANGES: Final = re.compile(r"\b(?:INSERT|UPDATE|DELETE|REPLACE)\s+(?!\()", re.IGNORECASE)
_PRAGMA: Final = re.compile(
    r"PRAGMA\s+(?:[\w\"]+\s*\.\s*)?(?P<name>\w+)\s*(?:(?P<set>[=(])\s*(?P<value>[^;)]*))?",
    re.IGNORECASE,
)
_ATTACHES: Final = re.compile(r"\s*(?:ATTACH|DETACH)\b", re.IGNORECASE)
_TEMPORARY: Final = re.compile(r"\bCREATE\s+TEMP(?:ORARY)?\b|\b(?:ATTACH|DETACH)\b", re.IGNORECASE)

_ATTACH: Final = re.compile(
    r"ATTACH\s+(?:DATABASE\s+)?(?P<file>'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[?:@$][\w$]*)\s+AS\s+"
    r"(?P<name>'[^']*'|\"[^\"]*\"|\[[^]]*\]|`[^`]*`|[\w$]+)[\s;]*",
    re.IGNORECASE,
)

_ASKS: Final = frozenset(
    """
    collation_list compile_options data_version database_list foreign_key_check foreign_key_list
    freelist_count function_list index_info index_list index_xinfo integrity_check module_list
    page_count pragma_list quick_check table_info table_list table_xinfo
    """.split()  # noqa: SIM905 - as a list it would fill a page
)
"""The PRAGMAs whose argument is what they ask about."""

_TUNING: Final = frozenset(
    """
    analysis_limit auto_vacuum automatic_index busy_timeout cache_size cache_spill
    incremental_vacuum journal_mode journal_size_limit locking_mode mmap_size optimize page_size
    secure_delete shrink_memory soft_heap_limit synchronous temp_store threads
    wal_autocheckpoint wal_checkpoint
    """.split()  # noqa: SIM905 - as a list it would fill a page
)
"""Those that change how quick or how safe the file is, and nothing that a statement shows."""


@dataclass(frozen=True, slots=True)
class Pragma:
    """`PRAGMA name`, or `PRAGMA name = value`.

    Attributes:
        name: In small letters.
        value: What it is set to, in small letters and without quotes; `None` if it only asks.
    """

    name: str
    value: str | None

    @property
    def tuning(self) -> bool:
        """Whether it changes nothing that a statement shows."""
        return self.name in _TUNING

    @property
    def keeps_from_ending(self) -> bool:
        """Whether no rollback undoes anything after it, or a file stays locked after one."""
        return self.name == "locking_mode" or (self.name, self.value) == ("journal_mode", "off")


@dataclass(frozen=True, slots=True)
class Begin:
    """`BEGIN`, of any kind."""


@dataclass(frozen=True, slots=True)
class Commit:
    """`COMMIT`, or `END`."""


@dataclass(frozen=True, slots=True)
class Rollback:
    """`ROLLBACK` of the whole transaction."""


@dataclass(frozen=True, slots=True)
class Attach:
    """`ATTACH file AS name`.

    Attributes:
        file: As it is written; `None` if a parameter says it.
        name: Of the database, in small letters.
    """

    file: str | None
    name: str

    def named(self, parameters: Any) -> str:
        """Return the file, which may be the one parameter that the statement was sent with."""
        if self.file is not None:
            return self.file
        return str(next(iter(parameters.values() if isinstance(parameters, dict) else parameters)))

    def sent(self, file: str) -> tuple[str, tuple[str]]:
        """Return the statement that attaches another file under that name, and its parameter."""
        return 'ATTACH DATABASE ? AS "' + self.name.replace('"', '""') + '"', (file,)


Text = Pragma | Begin | Commit | Rollback | Attach | statements.Statement

_SAME: Final = {"1": "on", "0": "off", "true": "on", "false": "off", "yes": "on", "no": "off"}


@lru_cache(maxsize=4096)
def read(sql: str) -> Text:
    """Tell what a statement is; remembers the last few thousand texts.

    The driver takes one statement at a time, so only its beginning can control a transaction; and
    no function of SQLite changes the database.
    """
    text = statements.without_literals(sql).strip()
    for pattern, kind in ((_BEGIN, Begin), (_COMMIT, Commit), (_ROLLBACK, Rollback)):
        if pattern.fullmatch(text):
            return kind()
    if match := _PRAGMA.match(statements.without_notes(sql).strip()):
        return _pragma(match)
    if match := _ATTACH.fullmatch(statements.without_notes(sql).strip()):
        return _attach(match)
    if _READS.match(text):
        return statements.Query(Effect.WRITE if _CHANGES.search(text) else Effect.READ)
    found = statements.read(sql)
    # A trigger's body has a BEGIN and an END.
    return statements.Query(Effect.WRITE) if isinstance(found, statements.Control) else found


def attaches(sql: str) -> bool:
    """Tell whether a statement changes which files are attached to its connection."""
    return _ATTACHES.match(statements.without_notes(sql)) is not None


def changes_session(sql: str) -> bool:
    """Tell whether a statement changes something of the connection that no rollback undoes."""
    found = read(sql)
    if isinstance(found, Pragma):
        return found.value is not None and found.name != "defer_foreign_keys"
    return _TEMPORARY.search(statements.without_literals(sql)) is not None


def _pragma(match: re.Match[str]) -> Pragma:
    name = match["name"].lower()
    if match["set"] is None or name in _ASKS:
        return Pragma(name, None)
    value = match["value"].strip().strip("'\"").lower()
    return Pragma(name, _SAME.get(value, value))


def _attach(match: re.Match[str]) -> Attach:
    file, name = match["file"], match["name"].strip("'\"[]`").lower()
    quote = file[0]
    if quote not in "'\"":
        return Attach(None, name)
    return Attach(file[1:-1].replace(quote * 2, quote), name)
