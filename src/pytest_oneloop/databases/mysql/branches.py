"""Branches of XA transactions that a test has prepared and left; they hold locks for ever.

The server does not say whose a branch is, and other applications have theirs on it. So those are
noted that this process prepares, by the statements of its engines, and no others are ended.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pytest_oneloop.databases.mysql.server import number_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from pytest_oneloop.databases.mysql.server import Session

_STATEMENT: Final = re.compile(
    r"\s*XA\s+(?P<verb>PREPARE|COMMIT|ROLLBACK)\s+(?P<branch>.+)", re.IGNORECASE | re.DOTALL
)
_PART: Final = re.compile(
    r"\s*(?:'(?P<text>(?:[^'\\]|'')*)'|(?:x'|0x)(?P<hex>[\da-f]*)'?|(?P<number>\d+))\s*(?:,|;|$|ONE)",
    re.IGNORECASE,
)
_PLACE: Final = re.compile(r"%s|%\(\w+\)s|\?")
_UNKNOWN: Final = 1397
"""Nobody has prepared it; or the session that has is still there, and it cannot be had yet."""
_ENDED: Final = frozenset({1402, 1613, 1614})
"""The server has rolled it back by itself."""
_NO_RIGHT: Final = 1401
_DEADLINE: Final = 5.0
_PAUSE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Branch:
    """The name of a branch.

    Attributes:
        transaction: That of the whole transaction.
        qualifier: Which branch of it.
        format: A number that says how both are made.
    """

    transaction: bytes
    qualifier: bytes = b""
    format: int = 1

    def __str__(self) -> str:
        parts = (self.transaction, self.qualifier)
        return ",".join(part.decode(errors="replace") for part in parts if part)

    @property
    def sql(self) -> str:
        """The name as statements have it."""
        return f"x'{self.transaction.hex()}',x'{self.qualifier.hex()}',{self.format}"


class Branches:
    """The branches that engines of this process have prepared and not ended."""

    def __init__(self) -> None:
        self._prepared: set[Branch] = set()

    def listen(self) -> None:
        """Begin to note them; nothing, if that has begun."""
        from sqlalchemy import Engine, event  # noqa: PLC0415 - costs 100 ms; see `MySQLAddress`

        if not event.contains(Engine, "before_cursor_execute", self._before):
            event.listen(Engine, "before_cursor_execute", self._before)
            event.listen(Engine, "after_cursor_execute", self._after)

    def close(self) -> None:
        """Note no more."""
        from sqlalchemy import Engine, event  # noqa: PLC0415 - see above

        if event.contains(Engine, "before_cursor_execute", self._before):
            event.remove(Engine, "before_cursor_execute", self._before)
            event.remove(Engine, "after_cursor_execute", self._after)

    def end(self, session: Session) -> list[str]:
        """Roll back those that were not ended; return their names. Sends nothing if there are none.

        A branch is to be had once its connection has gone, which is waited for 5 s.
        """
        ended = []
        deadline = time.monotonic() + _DEADLINE
        while self._prepared:
            for branch in sorted(self._prepared, key=str):
                if _roll_back(session, branch):
                    self._prepared.remove(branch)
                    ended.append(str(branch))
            self._prepared &= _there(session, self._prepared)
            if time.monotonic() > deadline:
                break
            if self._prepared:
                time.sleep(_PAUSE)
        self._prepared.clear()
        return ended

    def _before(self, _connection: Connection, _cursor: object, *told: Any) -> None:
        # Even if its answer is lost, the branch may be there.
        verb, branch = _read(*told[:2])
        if branch is not None and verb == "PREPARE":
            self._prepared.add(branch)

    def _after(self, _connection: Connection, _cursor: object, *told: Any) -> None:
        verb, branch = _read(*told[:2])
        if branch is not None and verb != "PREPARE":
            self._prepared.discard(branch)


def _read(sql: str, parameters: object) -> tuple[str, Branch | None]:
    """Return what a statement does to which branch, if it does something to one."""
    found = _STATEMENT.match(sql)
    if found is None:
        return "", None
    values: Iterable[Any] = ()
    if isinstance(parameters, Mapping):
        values = parameters.values()
    elif isinstance(parameters, (list, tuple)):
        values = parameters
    given = iter(values)
    text = _PLACE.sub(lambda _: _literal(next(given, "")), found["branch"])
    parts = [_value(part) for part in _PART.finditer(text)]
    names = [part for part in parts if isinstance(part, bytes)]
    numbers = [part for part in parts if isinstance(part, int)]
    if not names:
        return "", None
    qualifier = names[1] if len(names) > 1 else b""
    return found["verb"].upper(), Branch(names[0], qualifier, numbers[0] if numbers else 1)


def _literal(value: object) -> str:
    if isinstance(value, int):
        return str(value)
    return f"x'{(value if isinstance(value, bytes) else str(value).encode()).hex()}'"


def _value(part: re.Match[str]) -> bytes | int:
    if part["number"] is not None:
        return int(part["number"])
    if part["hex"] is not None:
        return bytes.fromhex(part["hex"])
    return part["text"].replace("''", "'").encode()


def _roll_back(session: Session, branch: Branch) -> bool:
    """Roll a branch back; whether it was there, and could be had."""
    try:
        session.rows(f"XA ROLLBACK {branch.sql}")
    except Exception as error:
        if number_of(error) == _UNKNOWN:
            return False
        if number_of(error) not in _ENDED:
            raise
    return True


def _there(session: Session, wanted: set[Branch]) -> set[Branch]:
    """Return which branches are still there; all of them, if the user may not know."""
    try:
        rows = session.rows("XA RECOVER")
    except Exception as error:
        if number_of(error) == _NO_RIGHT:
            return wanted
        raise
    found = set()
    for number, length, _, data in rows:
        name = data if isinstance(data, bytes) else str(data).encode()
        found.add(Branch(name[:length], name[length:], int(number)))
    return wanted & found
