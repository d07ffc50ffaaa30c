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
    from compliance.suite import Outcome

PAGE = Path(__file__).parents[2] / "docs/reference/compliance.md"

_HEAD = """\
# SQLAlchemy's compliance suite

SQLAlchemy has a suite of tests that every dialect must pass (`sqlalchemy.testing.suite`): types,
reflection, transactions, cursors, errors. If the sandbox is faithful, nobody can tell it from a
database, this suite least of all. So `scripts/compliance` runs it on a plain database and with the
plugin, and compares the two test by test.

With the plugin each test runs under the strategy `rollback`, in a sandbox, and the tables of a test
class lie beneath. What the sandbox refuses by an error of its own is run again under `commit`, on a
real database, as `auto` would do it; the table says how many tests that are, and by which errors. A
test is worse if it passes without the plugin, and does not with it.

On MySQL a statement that changes the schema ends its transaction. So the tables of a test class are
made past the plugin there (`oneloop_passthrough`), as a migration makes them; a test that makes
tables by itself is one that the sandbox refuses. The server is MariaDB.

"""

_FOOT = """
The requirement class, which says what each database can do, is the one in SQLAlchemy's source
distribution. This page is written by `scripts/compliance --write`. Continuous integration runs a
part of the suite, and fails when a test becomes worse that is not listed here.
"""


def write(comparisons: Iterable[Comparison]) -> str:
    """Return the page."""
    rows = [
        "| database | without the plugin | with it | of these on a real database | worse |",
        "|---|---|---|---|---|",
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
    sides = (_side(comparison.without), _side(comparison.with_plugin))
    moved = ", ".join(f"{number} ({code})" for code, number in comparison.refused.most_common())
    return (
        f"| {comparison.database} | {' | '.join(sides)} | {moved or 0} | {len(comparison.worse)} |"
    )


def _side(outcomes: dict[str, Outcome]) -> str:
    found = count(outcomes)
    words = f"{found['passed']:,} pass"
    for verdict in ("failed", "skipped"):
        words += f", {found[verdict]} {verdict}" if found[verdict] else ""
    return words
