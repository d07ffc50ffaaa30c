"""A part of SQLAlchemy's compliance suite, with the plugin and on a plain database."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.error import URLError

import pytest

from compliance.comparing import Comparison, compare, count
from compliance.databases import DATABASES
from compliance.known import KNOWN
from compliance.page import PAGE, known_tests
from compliance.source import requirements
from compliance.suite import Outcome, read_outcomes
from tools import mariadb

if TYPE_CHECKING:
    from pathlib import Path

PART = "Isolation or Autocommit or Transaction or Cursor or HasTable"
"""What has to do with connections, transactions and sessions; and tables made for a class."""

PARTS = {
    "postgresql+asyncpg": f"{PART} or DefaultSchema or HasSequence or Returning or Lastrow",
    "postgresql+psycopg": f"{PART} or custom_json",
    "sqlite+aiosqlite": f"{PART} or Returning or Lastrow",
    "mysql+aiomysql": "(Isolation or Cursor or HasTable) and not temp_table",
}
"""What is run on which database; the whole suite runs by `scripts/compliance`."""


@pytest.mark.timeout(300)  # two servers and three runs of pytest, on a machine that may be busy
@pytest.mark.parametrize("name", list(PARTS))
def test_no_test_of_sqlalchemys_is_worse_with_the_plugin(name: str, tmp_path: Path) -> None:
    if "mysql" in name and not mariadb.wanted():
        pytest.skip(f"{mariadb.VARIABLE}=none")
    try:
        file = requirements()
    except URLError as error:
        pytest.skip(f"PyPI does not answer: {error}")
    comparison = compare(DATABASES[name], file, tmp_path, only=PARTS[name])
    assert comparison.missing == set()
    assert comparison.surprises == {}
    assert comparison.mended == []
    assert count(comparison.without)["passed"] > 25
    # Where a statement of DDL ends a transaction, tests that make tables go to a real database.
    assert set(comparison.refused) == ({"OL225"} if "mysql" in name else set())


def test_the_page_lists_the_tests_that_are_known_to_be_worse() -> None:
    assert known_tests() in PAGE.read_text()
    assert all(f"| {name} | " in PAGE.read_text() for name in DATABASES)
    assert KNOWN.keys() == DATABASES.keys()
    assert all(len(tests) <= 10 for tests in KNOWN.values())


def test_a_test_is_worse_if_it_passes_without_the_sandbox_alone() -> None:
    passed, failed, skipped = Outcome("passed"), Outcome("failed", "no"), Outcome("skipped")
    comparison = Comparison(
        "postgresql+asyncpg",
        {"a": passed, "b": passed, "c": failed, "d": skipped, "e": passed},
        {"a": passed, "b": failed, "c": failed, "d": failed, "f": passed, "e": skipped},
    )
    assert comparison.worse == {"b": failed, "e": skipped}
    assert comparison.surprises == comparison.worse
    assert comparison.missing == {"f"}
    assert not comparison.faithful


def test_a_test_that_was_moved_is_judged_by_its_second_run() -> None:
    passed, refused = Outcome("passed"), Outcome("error", "OL225: no", "OL225")
    comparison = Comparison(
        "sqlite+aiosqlite",
        {"a": passed, "b": passed, "c": passed},
        {"a": refused, "b": refused, "c": passed},
        {"a": passed, "b": Outcome("failed", "still")},
    )
    assert comparison.worse == {"b": Outcome("failed", "still")}
    assert comparison.refused == {"OL225": 2}
    assert count(comparison.with_plugin) == {"passed": 2, "failed": 1}


def test_the_worse_of_two_entries_for_one_test_counts(tmp_path: Path) -> None:
    results = tmp_path / "results.xml"
    results.write_text(
        "<testsuites><testsuite>"
        '<testcase classname="test_suite.JSONTest_postgresql+psycopg_18_6" name="test_it[a]"/>'
        '<testcase classname="test_suite.JSONTest_postgresql+psycopg_18_6" name="test_it[a]">'
        '<error message="at its end&#10;more">E  OL221: in test_it: no</error></testcase>'
        '<testcase classname="test_suite.PlainTest" name="test_it"><skipped message="no"/>'
        "</testcase></testsuite></testsuites>"
    )
    assert read_outcomes(results) == {
        "JSONTest::test_it[a]": Outcome("error", "at its end", "OL221"),
        "PlainTest::test_it": Outcome("skipped", "no"),
    }
