"""The text of statements as MySQL and MariaDB read it: commands, without comments and literals."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_PIECE: Final = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")
    |(?P<name>`(?:[^`]|``)*`)
    |(?P<code>/\*M?!\d*)
    |(?P<note>/\*.*?(?:\*/|\Z)|\#[^\n]*|--(?=[\s]|\Z)[^\n]*)
    |(?P<end>\*/)
    |(?P<next>;)""",
    re.DOTALL | re.VERBOSE,
)


@lru_cache(maxsize=4096)
def commands(sql: str) -> tuple[str, ...]:
    """Return the commands of a text, which semicolons part.

    Comments are left out, but for those that are code (`/*! ... */`), and strings are empty. Names
    in backquotes stay as they are. A string in double quotes is one even where the server's mode
    takes it for a name; nobody names a command.
    """
    found: list[str] = []
    parts: list[str] = []
    at, code = 0, 0
    while match := _PIECE.search(sql, at):
        parts.append(sql[at : match.start()])
        at = match.end()
        if match["text"]:
            parts.append("''")
        elif match["name"]:
            parts.append(match[0])
        elif match["code"]:
            code += 1
            parts.append(" ")
        elif match["end"] and not code:
            parts.append("*")  # a factor before a comment: `2*/* a note */3`
            at = match.start() + 1
        elif match["next"]:
            found.append("".join(parts).strip())
            parts = []
        else:
            code -= 1 if match["end"] else 0
            parts.append(" ")
    found.append(("".join(parts) + sql[at:]).strip())
    return tuple(command for command in found if command)


def literals(sql: str) -> list[str]:
    """Return what stands between the quotes of a text's strings, with no escape undone."""
    return [match["text"][1:-1] for match in _PIECE.finditer(sql) if match["text"]]


def name_of(word: str) -> str:
    """Return a name without its backquotes."""
    return word[1:-1].replace("``", "`") if word.startswith("`") else word
