"""Ids that start over: sequences take no part in transactions, so no rollback sets them back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Ids:
    """The sequences of the worker's database.

    Attributes:
        restart: The statement that sets back those that were advanced; empty for none.
        advanced: A test may have advanced some since they were set back.
    """

    restart: str = ""
    advanced: bool = False

    def due(self) -> list[str]:
        """Return what the next message should hold; once."""
        due = [self.restart] if self.advanced and self.restart else []
        self.advanced = False
        return due
