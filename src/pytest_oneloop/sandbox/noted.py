"""What the application has set on a connection: noted, and never set on the real one."""

from __future__ import annotations

from pytest_oneloop.sandbox import levels, statements


class Noted:
    """The settings of one connection, by the names that its driver has for them.

    Attributes:
        oneloop_noted: Their values, as the application has given them.
    """

    def __init__(self) -> None:
        self.oneloop_noted: dict[str, object] = {}

    @property
    def oneloop_autocommit(self) -> bool:
        """Whether each statement is to stand alone."""
        return bool(self.oneloop_noted.get("autocommit"))

    @property
    def oneloop_read_only(self) -> bool:
        """Whether the application wants writes refused."""
        return bool(self.oneloop_noted.get("read_only"))

    @property
    def oneloop_isolated(self) -> bool:
        """Whether its transactions are not to see what others commit meanwhile."""
        return levels.isolated(self.oneloop_noted.get("isolation_level"))

    def oneloop_answered(self, operation: object) -> object:
        """Return what to send for a statement: a question for the isolation level is answered."""
        if self.oneloop_autocommit:
            return operation
        level = self.oneloop_noted.get("isolation_level")
        return (
            operation
            if level is None
            else levels.answer(statements.text_of(operation), level) or operation
        )
