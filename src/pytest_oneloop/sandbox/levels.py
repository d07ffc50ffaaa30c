"""The isolation level that an application has asked for, and hears of when it asks.

A test has one transaction, so the level is noted and not set. A question for it is answered with
what was noted, as the server would.
"""

from __future__ import annotations

import re
from typing import Final

_QUESTION: Final = re.compile(
    r"\s*SHOW\s+(?:TRANSACTION\s+ISOLATION\s+LEVEL|transaction_isolation)\s*;?\s*", re.IGNORECASE
)
_WORDS: Final = {
    "1": "read committed",
    "2": "repeatable read",
    "3": "serializable",
    "4": "read uncommitted",
}
"""psycopg2 counts the levels; the other drivers name them."""
_ISOLATED: Final = frozenset({"repeatable read", "serializable"})
_LEVELS: Final = frozenset(_WORDS.values())


def in_words(level: object) -> str | None:
    """Return a driver's level as the server calls it; `None` for autocommit, or none at all."""
    name = str(getattr(level, "name", level)).lower().replace("_", " ")
    name = _WORDS.get(name, name)
    return name if name in _LEVELS else None


def isolated(level: object) -> bool:
    """Tell whether a transaction of this level does not see what others commit meanwhile."""
    return in_words(level) in _ISOLATED


def answer(sql: str, level: object) -> str | None:
    """Return a query whose result tells the level, if `sql` asks for it.

    Args:
        sql: A statement of the application.
        level: What it has set, in the words of its driver.
    """
    words = in_words(level)
    if words is None or not _QUESTION.fullmatch(sql):
        return None
    return f"SELECT '{words}' AS transaction_isolation"
