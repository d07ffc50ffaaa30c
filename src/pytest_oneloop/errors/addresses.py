"""What is said of an application that has several databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pytest_oneloop.errors import OneloopWarning

if TYPE_CHECKING:
    from collections.abc import Sequence


class SharedDatabaseWarning(OneloopWarning):
    """Engines point to several databases, and were all led to one. Shown after the run.

    Attributes:
        addresses: Where they point, `host/name`; two at least.
    """

    code: ClassVar[str] = "OL230"

    def __init__(self, *, addresses: Sequence[str]) -> None:
        self.addresses = tuple(addresses)
        first, *others = self.addresses
        pairs = " ".join(f"{other}={first}" for other in others)
        super().__init__(
            f"engines point to {len(self.addresses)} databases, and share one test database: "
            f"{', '.join(self.addresses)}.",
            why="the application has several databases, or one that has several addresses: a read "
            "replica, or a URL for tests.",
            instead=f"if they are one database, write oneloop_alias = {pairs}; if not, let "
            "oneloop_schema name a function that makes the tables of all of them, and know that "
            "each engine sees the tables of the others.",
        )
