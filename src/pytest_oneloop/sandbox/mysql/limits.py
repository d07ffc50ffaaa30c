"""What shows in a statement's text that one transaction on MySQL cannot show as it is."""

from __future__ import annotations

from typing import Final

SIGNS: Final = {
    "user-level locks need connections of their own": (
        r"\b(?:GET_LOCK|RELEASE_LOCK|RELEASE_ALL_LOCKS|IS_FREE_LOCK|IS_USED_LOCK)\b",
    ),
    "timeouts of locks need real ones": (r"\b(?:innodb_)?lock_wait_timeout\b",),
    "a statement asks for the server's sessions": (
        r"^\s*KILL\b",
        r"\bCONNECTION_ID\b",
        r"\bPROCESSLIST\b",
        r"\bINNODB_(?:TRX|LOCKS|LOCK_WAITS)\b",
        r"\bperformance_schema\b",
    ),
    "each connection has its own last id, and count of rows": (
        r"\b(?:LAST_INSERT_ID|ROW_COUNT|FOUND_ROWS)\b",
    ),
    "temporary tables belong to one connection": (r"\bTEMPORARY\s+TABLE\b",),
    "SET TRANSACTION and the like need a real transaction": (
        r"\bSET\s+(?:SESSION\s+|LOCAL\s+)?TRANSACTION\b",
        r"\b(?:transaction|tx)_(?:isolation|read_only)\b",
    ),
    "what is prepared belongs to one connection": (r"^\s*(?:PREPARE|EXECUTE)\b",),
    "cursors of a table belong to one connection": (r"^\s*HANDLER\b",),
    "variables belong to one connection": (r"(?<![@\w`'])@[\w$]",),
    "a routine may end transactions": (r"^\s*CALL\b",),
}
"""Patterns of it, by what there is to say."""
