"""The eight set-ups: what each one is called, and where its files lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

FILES = Path(__file__).with_name("setups")
"""The folder of the application (`app.py`) and of one folder for each set-up."""

RUBBISH = ("__pycache__", ".pytest_cache")
"""What Python and pytest leave there, should somebody run the tests where they lie."""


@dataclass(frozen=True, slots=True)
class SetUp:
    """One hand-written set-up.

    Attributes:
        number: From 1, as in the documentation.
        title: What it is, in a few words.
        unchanged: Whether the plugin runs it with its own conftest. Where all sessions share one
            connection of SQLAlchemy's, the stack of savepoints is above the driver, where no
            sandbox can reach; so there the tests run without the fixtures.
    """

    number: int
    title: str
    unchanged: bool = True

    @property
    def folder(self) -> str:
        """The name of its folder."""
        return f"setup_{self.number}"

    @property
    def conftest(self) -> str:
        """The text of its `conftest.py`; the first line says what it is."""
        return (FILES / self.folder / "conftest.py").read_text(encoding="utf-8")


SETUPS = (
    SetUp(1, "session engine, a loop per test"),
    SetUp(2, "module engine, a loop per test"),
    SetUp(3, "an engine per test"),
    SetUp(4, "one loop, nothing undone"),
    SetUp(5, "one loop, tables per test"),
    SetUp(6, "one loop, a rollback per test"),
    SetUp(7, "as 6, configured once"),
    SetUp(8, "as 7, two requests at once", unchanged=False),
)


def chosen(numbers: Sequence[int]) -> list[SetUp]:
    """Return the set-ups with these numbers, in their own order; all, if there are none."""
    return [setup for setup in SETUPS if not numbers or setup.number in numbers]
