"""A part of SQLAlchemy's compliance suite, in the sandbox and on a plain database."""

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

if TYPE_CHECKING:
    from pathlib import Path

PART = (
    "Isolation or Autocommit or Transaction or Cursor or DefaultSchema or custom_json or Rowcount"
    " or HasSequence or HasTable or Returning or Lastrow"
)
"""What has to do with connections, transactions and sessions; and tables made for a class."""


@pytest.mark.parametrize("name", list(DATABASES))
def test_no_test_of_sqlalchemys_is_worse_in_the_sandbox(name: str, tmp_path: Path) -> None:
    try:
        file = requirements()
    except URLError as error:
        pytest.skip(f"PyPI does not answer: {error}")
    comparison = compare(DATABASES[name], file, tmp_path, only=PART)
    assert comparison.missing == set()
    assert comparison.surprises == {}
    assert comparison.mended == []
    assert count(comparison.without)["passed"] > 100


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


def test_the_worse_of_two_entries_for_one_test_counts(tmp_path: Path) -> None:
    results = tmp_path / "results.xml"
    results.write_text(
        "<testsuites><testsuite>"
        '<testcase classname="test_suite.JSONTest_postgresql+psycopg_18_6" name="test_it[a]"/>'
        '<testcase classname="test_suite.JSONTest_postgresql+psycopg_18_6" name="test_it[a]">'
        '<error message="at its end&#10;more"/></testcase>'
        '<testcase classname="test_suite.PlainTest" name="test_it"><skipped message="no"/>'
        "</testcase></testsuite></testsuites>"
    )
    assert read_outcomes(results) == {
        "JSONTest::test_it[a]": Outcome("error", "at its end"),
        "PlainTest::test_it": Outcome("skipped", "no"),
    }
