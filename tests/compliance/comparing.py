"""The suite with the sandbox and without, compared test by test."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from compliance.known import KNOWN
from compliance.suite import Way, finish_suite, start_suite, write_project

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
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
        moved: The same under `commit`, of those tests that the sandbox has refused.
    """

    database: str
    without: dict[str, Outcome]
    sandboxed: dict[str, Outcome]
    moved: dict[str, Outcome] = field(default_factory=dict)

    @property
    def with_plugin(self) -> dict[str, Outcome]:
        """What becomes of each test under `auto`, which moves a test that the sandbox refuses."""
        return self.sandboxed | self.moved

    @property
    def refused(self) -> Counter[str]:
        """How many tests were moved, by the code of the error with which the sandbox refused."""
        return Counter(self.sandboxed[test].refused for test in self.moved)

    @property
    def worse(self) -> dict[str, Outcome]:
        """The tests that pass without the sandbox, and with it do not, and how they fail."""
        passed = {test for test, outcome in self.without.items() if outcome.verdict == "passed"}
        return {
            test: outcome
            for test, outcome in self.with_plugin.items()
            if test in passed and outcome.verdict != "passed"
        }

    @property
    def missing(self) -> set[str]:
        """The tests that only one of the two runs has."""
        return self.without.keys() ^ self.with_plugin.keys()

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

    What the sandbox refuses is run once more afterwards, under `commit`.

    Args:
        database: Where.
        requirements: SQLAlchemy's own.
        folder: An empty one.
        only: Which tests, as pytest's `-k` has it; all, if it is empty.
    """

    def start(name: str, way: Way) -> subprocess.Popen[bytes]:
        write_project(folder / name, database, requirements, way)
        return start_suite(folder / name, way)

    with database.sides(database) as sides:
        sandboxed = Way(database.url, "rollback", sides.settings, sides.beneath, only)
        with (
            _ended(start("plain", Way(sides.plain, only=only))) as first,
            _ended(start("sandboxed", sandboxed)) as second,
        ):
            within = finish_suite(folder / "sandboxed", second, deadline=_DEADLINE)
            without = finish_suite(folder / "plain", first, deadline=_DEADLINE)
        refused = tuple(test for test, outcome in within.items() if outcome.refused)
        moved = {}
        if refused:
            sides.clear()
            way = Way(database.url, "commit", sides.settings, chosen=refused)
            with _ended(start("moved", way)) as third:
                moved = finish_suite(folder / "moved", third, deadline=_DEADLINE)
        return Comparison(database.name, without, within, moved)


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Leave no process behind, whatever happens."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def count(outcomes: dict[str, Outcome]) -> Counter[str]:
    """Return how many tests passed, failed and were skipped."""
    verdicts = Counter(outcome.verdict for outcome in outcomes.values())
    verdicts["failed"] += verdicts.pop("error", 0)
    return verdicts
