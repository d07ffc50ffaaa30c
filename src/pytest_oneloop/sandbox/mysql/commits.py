"""Which statements end the transaction that they are sent in, though they do not say so.

MySQL and MariaDB commit before them, and most of them cannot be part of a transaction at all. The
list is that of MySQL's manual, "Statements That Cause an Implicit Commit", with what MariaDB's
"SQL statements That Cause an Implicit Commit" adds. It errs on one side: what may be such a
statement is one. What no text shows (a routine that commits) the server's own account of its
transaction tells afterwards.
"""

from __future__ import annotations

import re
from typing import Final

from pytest_oneloop.sandbox.mysql.text import commands, literals

_WORD: Final = re.compile(r"[A-Za-z_]+")

_ALWAYS: Final = frozenset(
    """
    ALTER CREATE DROP GRANT RENAME REVOKE TRUNCATE
    INSTALL UNINSTALL IMPORT CLONE BACKUP
    BEGIN LOCK UNLOCK
    FLUSH OPTIMIZE REPAIR
    CHANGE PURGE SHUTDOWN
    """.split()  # noqa: SIM905 - as a list it would fill pages
)
"""Words that begin only statements that commit, but for what `_NEVER` has."""

_WITH_A_WORD: Final = re.compile(
    r"(?:ANALYZE\s+(?:NO_WRITE_TO_BINLOG\s+|LOCAL\s+)?TABLES?"
    r"|CHECK\s+(?:TABLES?|VIEW|INDEX)"
    r"|CACHE\s+INDEX"
    r"|LOAD\s+INDEX"
    r"|RESET\s+(?!PERSIST\b)\w+"
    r"|(?:START|STOP)\s+(?:ALL\s+)?(?:REPLICA|SLAVES?|GROUP_REPLICATION|TRANSACTION)"
    r"|SET\s+PASSWORD"
    r"|SET\s+DEFAULT\s+ROLE)\b",
    re.IGNORECASE,
)
_NEVER: Final = re.compile(
    r"(?:(?:CREATE\s+(?:OR\s+REPLACE\s+)?|DROP\s+)TEMPORARY\s+(?:TABLE|SEQUENCE)"
    r"|DROP\s+PREPARE)\b",
    re.IGNORECASE,
)
_AUTOCOMMIT: Final = re.compile(
    r"SET\b(?:.*,)?\s*(?:(?:SESSION|LOCAL)\s+|@@(?:(?:session|local)\s*\.\s*)?)?`?autocommit`?\s*:?=",
    re.IGNORECASE | re.DOTALL,
)
_FOR_ONE: Final = re.compile(
    r"SET\s+STATEMENT\b.*?\bFOR\s+(?P<inner>\S.*)", re.IGNORECASE | re.DOTALL
)
"""MariaDB: settings for the length of one statement."""
_WRITTEN: Final = re.compile(r"EXECUTE\s+IMMEDIATE\b|PREPARE\s+\S+\s+FROM\b", re.IGNORECASE)
"""A statement whose own text is a literal."""
_PLAIN: Final = frozenset({"BEGIN", "FLUSH", "GRANT", "REVOKE"})
_THINGS: Final = frozenset(
    """
    COMPONENT DATABASE EVENT FUNCTION INDEX INSTANCE PLUGIN PROCEDURE ROLE SCHEMA SEQUENCE SERVER
    TABLE TABLES TABLESPACE TRIGGER USER VIEW
    """.split()  # noqa: SIM905 - as a list it would fill pages
)
_FAR: Final = 8
"""How many words are looked at for it: `CREATE OR REPLACE ALGORITHM = MERGE ... VIEW` has many."""


def implicit_commit(sql: str) -> str | None:
    """Return the first statement of a text that would end the transaction; `None` if none would.

    Args:
        sql: One statement, or several.

    Returns:
        Its first words, in capitals: `CREATE TABLE`, `SET AUTOCOMMIT`.
    """
    for command in commands(sql):
        named = _named(command)
        if named is None and _WRITTEN.match(command):
            written = (implicit_commit(text) for text in literals(sql))
            named = next(filter(None, written), None)
        if named is not None:
            return named
    return None


def _named(command: str) -> str | None:
    """Return the name of one command if it commits."""
    if (inner := _FOR_ONE.match(command)) is not None:
        return _named(inner["inner"])
    if _AUTOCOMMIT.match(command):
        return "SET AUTOCOMMIT"
    if _NEVER.match(command):
        return None
    if (match := _WITH_A_WORD.match(command)) is not None:
        return " ".join(match[0].upper().split())
    word = _WORD.match(command)
    if word is None or word[0].upper() not in _ALWAYS:
        return None
    return _name(word[0].upper(), command)


def _name(word: str, command: str) -> str:
    """Return a command's first word, and what kind of thing it is about, if that has a name."""
    if word in _PLAIN:
        return word
    thing = next((w for w in _WORD.findall(command)[1:_FAR] if w.upper() in _THINGS), None)
    return word if thing is None else f"{word} {thing.upper()}"
