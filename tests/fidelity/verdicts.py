"""What to say of a program's outcome in a strategy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fidelity.program import Program

LENIENT = ("rollback",)
"""The strategies in which an error of the plugin may take the place of the real outcome."""


@dataclass(frozen=True)
class Outcome:
    """What became of one program.

    Attributes:
        seen: What it returned; `None` if it was not finished.
        raised: Why its test failed: the code of an error of the plugin, or else pytest's text.
    """

    seen: dict[str, Any] | None = None
    raised: str = ""

    @property
    def named(self) -> bool:
        """Whether an error of the plugin ended it."""
        return self.raised.startswith("OL")


class Verdict(Enum):
    """How an outcome compares with that of a plain database."""

    SAME = "it is the same"
    NAMED = "an error of the plugin says that it cannot be the same"
    LIMIT = "it differs, as the program declares"
    SILENT = "it differs, and nobody says so"
    HEALED = "the program declares a difference, and there is none"

    @property
    def fine(self) -> bool:
        return self in {Verdict.SAME, Verdict.NAMED, Verdict.LIMIT}


def judge(program: Program, strategy: str, plain: Outcome, outcome: Outcome) -> Verdict:
    """Compare the outcome in a strategy with that of a plain database."""
    declared = strategy in program.limits
    if outcome == plain:
        return Verdict.HEALED if declared else Verdict.SAME
    if outcome.named and strategy in LENIENT:
        return Verdict.HEALED if declared else Verdict.NAMED
    return Verdict.LIMIT if declared else Verdict.SILENT
