"""Settings that hold for one transaction: `SET LOCAL`, and `set_config(name, value, true)`.

On a real server they end with the transaction. Here the transaction is a savepoint, whose release
keeps them; so what held before is noted first, and put back at the commit.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

_SET_LOCAL: Final = re.compile(
    r"(?:^|;)\s*SET\s+LOCAL\s+(?P<name>TIME\s+ZONE|SESSION\s+AUTHORIZATION|[\w.\"]+)", re.IGNORECASE
)
_ARGUMENT: Final = r"(?:'[^']*'|\$\d+|%\(\w+\)s)"
_SET_CONFIG: Final = re.compile(
    rf"\bset_config\s*\(\s*(?P<name>{_ARGUMENT})[^;]*?,\s*(?P<local>{_ARGUMENT}|\w+)"
    r"(?:::\w+)?\s*\)",
    re.IGNORECASE,
)
_ALIASES: Final = {"time zone": "timezone", "session authorization": "session_authorization"}
_FALSE: Final = ("false", "f", "no", "off", "0")


def local_settings(sql: str, parameters: Any) -> list[str]:
    """Return the names of the settings that a statement sets for its transaction.

    Args:
        sql: Its text.
        parameters: What the driver is given for it: a sequence, a mapping, or nothing.
    """
    found = []
    for name, local in _calls(sql):
        holds = str(_value(local, parameters)).lower() not in _FALSE
        if holds and (resolved := _value(name, parameters)) is not None:
            found.append(str(resolved))
    return found


def question(name: str) -> str:
    """Return a query for what a setting is; empty or NULL, if it was never set."""
    return f"SELECT current_setting({_literal(name)}, true)"


def setting(name: str, value: str) -> str:
    """Return a statement that sets one for the transaction."""
    return f"SELECT set_config({_literal(name)}, {_literal(value)}, true)"


@lru_cache(maxsize=4096)
def _calls(sql: str) -> tuple[tuple[str, str], ...]:
    """Return the name of each setting, and whether it is a local one, as the text has them."""
    if "set" not in sql.lower():
        return ()
    found = []
    for match in _SET_LOCAL.finditer(sql):
        name = " ".join(match["name"].lower().split()).replace('"', "")
        found.append((f"'{_ALIASES.get(name, name)}'", "true"))
    found += [(match["name"], match["local"]) for match in _SET_CONFIG.finditer(sql)]
    return tuple(found)


def _value(token: str, parameters: Any) -> object:
    """Return what a piece of text stands for; `None` for a parameter that is not there."""
    if token.startswith("$"):
        place = int(token[1:]) - 1
        return parameters[place] if parameters and place < len(parameters) else None
    if token.startswith("%("):
        return parameters.get(token[2:-2]) if isinstance(parameters, dict) else None
    return token.strip("'")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
