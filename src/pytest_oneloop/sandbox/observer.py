"""What tests on a real database send, as SQLAlchemy's events tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import event
from sqlalchemy.engine import Engine

from pytest_oneloop.sandbox import statements
from pytest_oneloop.sandbox.direct import held_by
from pytest_oneloop.sandbox.entries import Effect

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection

    from pytest_oneloop.sandbox.sandbox import Sandbox

_WRITE: Final = statements.Query(Effect.WRITE)
_PREPARE: Final = statements.Control("PREPARE TRANSACTION")


class Observer:
    """Notes what statements do on real connections, while it listens.

    Args:
        sandbox: Gives the running test's.

    Attributes:
        prepared: The keys of the databases in which a transaction was prepared, for two phases,
            since it has begun to listen. Such a one does not end with its session.
    """

    def __init__(self, sandbox: Callable[[], Sandbox]) -> None:
        self._sandbox = sandbox
        self.prepared: set[str] = set()

    def listen(self) -> None:
        """Begin, for all engines."""
        self.prepared.clear()
        for name, answer in self._answers():
            event.listen(Engine, name, answer)

    def stop(self) -> None:
        """Listen no more."""
        for name, answer in self._answers():
            event.remove(Engine, name, answer)

    def _answers(self) -> list[tuple[str, Callable[..., None]]]:
        return [
            ("before_cursor_execute", self._on_statement),
            ("prepare_twophase", self._on_prepare),
        ]

    def _on_statement(
        self,
        connection: Connection,
        _cursor: object,
        sql: str,
        _parameters: object,
        _context: object,
        _executemany: bool,  # noqa: FBT001
    ) -> None:
        sandbox = self._sandbox()
        sandbox.statements += 1
        statement = statements.read(sql)
        sandbox.writes += statement == _WRITE
        held = held_by(connection)
        if held is not None and held.driver.changes_session(sql):
            held.soiled = True
        if statement == _PREPARE:
            self._on_prepare(connection, None)

    def _on_prepare(self, connection: Connection, _xid: object) -> None:
        held = held_by(connection)
        if held is not None:
            self.prepared.add(held.target.key)
