"""What was measured, and the table made of it."""

from __future__ import annotations

import json
import os
import platform
import statistics
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from contestants import Contestant
    from measure import Count, Measurement

_PACKAGES = (
    *("pytest-oneloop", "pytest", "pytest-asyncio", "pytest-sqla", "SQLAlchemy", "asyncpg"),
    *("fastapi", "httpx"),
)


_COLUMNS = (
    *("one test, ms", "ratio", "messages", "connections"),
    *("all tests, s", "whole run, s", "ratio"),
)

_HEAD = """\
# What isolating a test costs

Goal: compare ways to isolate the same {tests} tests of a FastAPI application from one another.

Fixed: the server, the application (20 tables), the {tests} tests, the driver, the versions. Each
test stores two rows through the application, which commits, and reads one back; every third also
has the application meet an IntegrityError and roll back. Varies: only the fixtures and the plugin.
"""

_FOOT = """
Median (lowest to highest) of {rounds} rounds. In a round all run one after the other, each in a
process of its own on an empty database; the order shifts from round to round, and a first round is
not counted. *One test* is the mean over a run's tests without the first, which makes the schema,
and the last, which cleans up; *all tests* has them all; *whole run* is the pytest process from
start to end. *Messages* are what one test sends to the server and waits for, and *connections*
what it opens, both counted on the wire in runs of their own. The ratios are to the first line.

Machine: {machine}.
Versions: {versions}.
"""


@dataclass(frozen=True)
class Spread:
    """A median and the range around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True)
class Results:
    """All measurements of one comparison, and what they were made with."""

    tests: int
    rounds: int
    machine: dict[str, str]
    versions: dict[str, str]
    measured: dict[Contestant, list[Measurement]]
    counted: dict[Contestant, Count]

    def spread(self, one: Contestant, value: Callable[[Measurement], float]) -> Spread:
        return Spread.of([value(measurement) for measurement in self.measured[one]])

    def per_test(self, one: Contestant) -> Spread:
        """Return milliseconds a test."""
        return self.spread(one, lambda measurement: measurement.per_test * 1000)

    def json(self) -> str:
        document = {
            "tests": self.tests,
            "rounds": self.rounds,
            "machine": self.machine,
            "versions": self.versions,
            "seconds": {
                one.name: [asdict(measurement) for measurement in measurements]
                for one, measurements in self.measured.items()
            },
            "per_test": {one.name: asdict(count) for one, count in self.counted.items()},
        }
        return json.dumps(document, indent=2) + "\n"

    def table(self) -> str:
        """Return the results as Markdown."""
        first = next(iter(self.measured))
        lines = [
            f"| | {' | '.join(_COLUMNS)} |",
            "|---|" + "--:|" * len(_COLUMNS),
        ]
        for one in self.measured:
            test = self.per_test(one)
            tests = self.spread(one, lambda measurement: measurement.tests)
            whole = self.spread(one, lambda measurement: measurement.whole)
            lines.append(
                f"| **{one.title}**: {one.how} | {_cell(test)} "
                f"| {test.median / self.per_test(first).median:.2f} "
                f"| {self.counted[one].messages:.1f} | {self.counted[one].connections:.1f} "
                f"| {_cell(tests)} | {_cell(whole)} "
                f"| {whole.median / self.spread(first, lambda one: one.whole).median:.2f} |"
            )
        return "\n".join([self._head(), *lines, self._foot()])

    def _head(self) -> str:
        return _HEAD.format(tests=self.tests)

    def _foot(self) -> str:
        return _FOOT.format(
            rounds=self.rounds,
            machine=", ".join(self.machine.values()),
            versions=", ".join(f"{name} {of}" for name, of in self.versions.items()),
        )


def _cell(spread: Spread) -> str:
    return f"{spread.median:.2f} ({spread.low:.2f} to {spread.high:.2f})"


def versions() -> dict[str, str]:
    """Return the versions of what takes part."""
    return {
        "Python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }


def machine() -> dict[str, str]:
    """Describe this machine; what the system does not tell is left out."""
    facts = {
        "system": f"{platform.system()} {platform.release()}",
        "processor": f"{os.cpu_count()} x {_processor()}",
    }
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        facts["memory"] = f"{size / 2**30:.0f} GiB"
    return facts


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
