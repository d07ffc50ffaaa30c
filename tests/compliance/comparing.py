"""The suite with the sandbox and without, compared test by test."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compliance.known import KNOWN
from compliance.suite import finish_suite, start_suite, write_project

if TYPE_CHECKING:
    from pathlib import Path

    from compliance.databases import Database
    from compliance.suite import Outcome

_DEADLINE = 1200.0
"""Seconds for one run; half a minute on a machine that has nothing else to do."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two runs of the suite on one database show.

    Attributes:
        database: Its name.
        without: What became of each test on a plain database.
        sandboxed: The same in the sandbox.
    """

    database: str
    without: dict[str, Outcome]
    sandboxed: dict[str, Outcome]

    @property
    def worse(self) -> dict[str, Outcome]:
        """The tests that pass without the sandbox, and with it do not, and how they fail."""
        passed = {test for test, outcome in self.without.items() if outcome.verdict == "passed"}
        return {
            test: outcome
            for test, outcome in self.sandboxed.items()
            if test in passed and outcome.verdict != "passed"
        }

    @property
    def missing(self) -> set[str]:
        """The tests that only one of the two runs has."""
        return self.without.keys() ^ self.sandboxed.keys()

    @property
    def surprises(self) -> dict[str, Outcome]:
        """The tests that are worse, and are not known to be."""
        known = KNOWN.get(self.database, {})
        return {test: outcome for test, outcome in self.worse.items() if test not in known}

    @property
    def mended(self) -> list[str]:
        """The tests that are known to be worse, were run, and are not."""
        known = KNOWN.get(self.database, {})
        return [test for test in known if test in self.sandboxed and test not in self.worse]

    @property
    def faithful(self) -> bool:
        """Whether all is as the documentation says."""
        return not (self.surprises or self.mended or self.missing)


def compare(database: Database, requirements: Path, folder: Path, *, only: str = "") -> Comparison:
    """Run the suite twice at the same time, on a plain database and in the sandbox.

    Args:
        database: Where.
        requirements: SQLAlchemy's own.
        folder: An empty one.
        only: Which tests, as pytest's `-k` has it; all, if it is empty.
    """
    plain, sandboxed = folder / "plain", folder / "sandboxed"
    write_project(plain, database, requirements, sandboxed=False)
    write_project(sandboxed, database, requirements, sandboxed=True)
    with database.plain(database, folder) as url:
        first = start_suite(plain, url, sandboxed=False, only=only)
        try:
            second = start_suite(sandboxed, database.url, sandboxed=True, only=only)
            outcomes = finish_suite(sandboxed, second, deadline=_DEADLINE)
        except BaseException:
            first.kill()
            first.wait()
            raise
        return Comparison(database.name, finish_suite(plain, first, deadline=_DEADLINE), outcomes)


def count(outcomes: dict[str, Outcome]) -> Counter[str]:
    """Return how many tests passed, failed and were skipped."""
    verdicts = Counter(outcome.verdict for outcome in outcomes.values())
    verdicts["failed"] += verdicts.pop("error", 0)
    return verdicts
