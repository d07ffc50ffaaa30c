"""What clients said to a server, added up."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_oneloop.demo.wire import Heard

# The commands of PostgreSQL's manual that define, change or remove what is in a catalog.
_DEFINES = re.compile(r"\s*(create|alter|drop|truncate|comment)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What clients said between two moments.

    Attributes:
        messages: Groups that a client sent and waited for (see `wire.Conversation`), without
            logging in and out.
        sql: The statements that were run, in the order of their arrival.
        parsed: The statements that were prepared, in the order of their arrival.
        connections: Connections opened.
        by_type: Messages of the protocol by letter, logging in and out included. A Terminate
            (`X`) is not answered, so it may come in a moment after the client has closed.
        by_connection: `messages` for each connection, by its number.
    """

    messages: int
    sql: list[str]
    parsed: list[str]
    connections: int
    by_type: Counter[str]
    by_connection: Counter[int]

    @classmethod
    def of(cls, log: Sequence[Heard]) -> Self:
        """Add up a piece of the log."""
        return cls(
            messages=sum(heard.ends_group for heard in log),
            sql=[heard.executed for heard in log if heard.executed is not None],
            parsed=[heard.parsed for heard in log if heard.parsed is not None],
            connections=sum(heard.kind == "Startup" for heard in log),
            by_type=Counter(heard.kind for heard in log),
            by_connection=Counter(heard.connection for heard in log if heard.ends_group),
        )

    @property
    def definitions(self) -> list[str]:
        """The statements of `sql` that define, change or remove something (DDL)."""
        return [sql for sql in self.sql if _DEFINES.match(sql)]
