"""Ids that start over: sequences take no part in transactions, so no rollback sets them back."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Restart:
    """The statements that it takes; empty where there are no sequences.

    Attributes:
        template: Sets those that were advanced back to where the template has them.
        note: Notes where they are now, in the present transaction.
        noted: Sets them back to where they were noted.
    """

    template: str = ""
    note: str = ""
    noted: str = ""


@dataclass(slots=True)
class Ids:
    """The sequences of the worker's database.

    Attributes:
        restart: The statements.
        advanced: A test may have advanced some since they were set back.
    """

    restart: Restart = field(default_factory=Restart)
    advanced: bool = False
    _test: weakref.ref[object] | None = None

    def due(self, test: object, *, noted: bool = False) -> list[str]:
        """Return what the next message should hold; once, and for the first one of a test only.

        What another connection of the same test has advanced is the test's own; and it may hold a
        lock on a sequence, for which this one would wait for ever.

        Args:
            test: The test that is to find them set back.
            noted: The sequences go back to where they were noted, not to where the template is.
        """
        if self._test is not None and self._test() is test:
            return []
        self._test = weakref.ref(test)
        sql = self.restart.noted if noted else self.restart.template
        due = [sql] if self.advanced and sql else []
        self.advanced = False
        return due
