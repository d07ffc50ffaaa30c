"""What one transaction on one connection cannot show as a real database would."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that a test did, and would see done differently on a real database.

    Attributes:
        reason: What it did, for people; a few words.
        strategy: The strategy that shows it as it is: `commit` or `clone`.
    """

    reason: str
    strategy: str = "commit"
