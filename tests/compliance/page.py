"""docs/reference/compliance.md."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from compliance.comparing import count
from compliance.known import KNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from compliance.comparing import Comparison

PAGE = Path(__file__).parents[2] / "docs/reference/compliance.md"

_HEAD = """\
# SQLAlchemy's compliance suite

SQLAlchemy has a suite of tests that every dialect must pass (`sqlalchemy.testing.suite`): types,
reflection, transactions, cursors, errors. If the sandbox is faithful, nobody can tell it from a
database, this suite least of all. So `scripts/compliance` runs it twice, on a plain database and
with the plugin, under the strategy `rollback`: each test in a sandbox, the tables of a test class
beneath. Then it compares the two runs test by test.

"""

_FOOT = """
The requirement class, which says what each database can do, is the one in SQLAlchemy's source
distribution. This page is written by `scripts/compliance --write`. Continuous integration runs a
part of the suite, and fails when a test becomes worse that is not listed here.
"""


def write(comparisons: Iterable[Comparison]) -> str:
    """Return the page."""
    rows = [
        "| database | without the sandbox | with it | worse |",
        "|---|---|---|---|",
        *(_row(comparison) for comparison in comparisons),
    ]
    table = f"With SQLAlchemy {version('sqlalchemy')}:\n\n" + "\n".join(rows) + "\n\n"
    return _HEAD + table + known_tests() + _FOOT


def known_tests() -> str:
    """Return the section of the tests that are worse, with the reasons."""
    lines = ["## What the sandbox does not pass", ""]
    for database, tests in KNOWN.items():
        lines += [f"### {database}", ""]
        lines += [f"- `{test}`: {reason}" for test, reason in tests.items()] or ["Nothing."]
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def _row(comparison: Comparison) -> str:
    sides = (_side(comparison, sandboxed=False), _side(comparison, sandboxed=True))
    return f"| {comparison.database} | {' | '.join(sides)} | {len(comparison.worse)} |"


def _side(comparison: Comparison, *, sandboxed: bool) -> str:
    found = count(comparison.sandboxed if sandboxed else comparison.without)
    words = f"{found['passed']:,} pass"
    for verdict in ("failed", "skipped"):
        words += f", {found[verdict]} {verdict}" if found[verdict] else ""
    return words
