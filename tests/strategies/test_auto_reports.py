"""Under `auto`, a test is reported once, whatever its runs do."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tools.attempts import take_runs, told

if TYPE_CHECKING:
    from tools.projects import Project

pytestmark = pytest.mark.server

TESTS = """
import unittest
import warnings

import pytest
from sqlalchemy import text

from notes import engine

INSERT = text("INSERT INTO notes (text) VALUES ('a')")


@pytest.fixture(scope="module")
def lasting():
    return []


@pytest.fixture
def fresh():
    return []


@pytest.fixture
async def broken(db_session):
    await db_session.execute(INSERT)
    raise LookupError("broken by design")


@pytest.fixture
async def broken_once(oneloop, db_session):
    await db_session.execute(INSERT)
    assert oneloop.strategy == "commit"
    yield oneloop.strategy
    await db_session.execute(INSERT)


@pytest.fixture
async def torn(oneloop, db_session):
    yield
    await db_session.execute(INSERT)
    assert oneloop.strategy == "commit"


@pytest.fixture
async def closing(oneloop, db_session):
    yield
    await db_session.execute(text("NOTIFY x"))


async def test_fails_under_both(oneloop, db_session):
    print("printed under", oneloop.strategy)
    await db_session.execute(INSERT)
    assert oneloop.strategy == "neither"


async def test_meets_a_limit_and_fails_under_both(oneloop, db_session):
    print("said under", oneloop.strategy)
    await db_session.execute(text("NOTIFY x"))
    assert oneloop.strategy == "none"


def test_fails_without_a_database(fresh):
    assert fresh == ["nothing"]


async def test_broken_fixture(broken):
    pass


async def test_fixture_broken_once(broken_once):
    assert broken_once == "commit"


async def test_fixture_broken_at_its_end(torn):
    pass


async def test_limit_at_the_end(closing):
    pass


async def test_fixtures(fresh, lasting, db_session, oneloop):
    await db_session.execute(INSERT)
    await db_session.commit()
    fresh.append(oneloop.strategy)
    lasting.append(oneloop.strategy)
    await db_session.execute(text("NOTIFY x"))
    assert fresh == [oneloop.strategy]
    assert lasting == ["rollback", "commit"][: len(lasting)]
    ids = (await db_session.execute(text("SELECT id FROM notes"))).scalars().all()
    assert ids == [1]


async def test_limit(db_session, record_property, capsys):
    record_property("colour", "red")
    print("printed")
    assert capsys.readouterr().out == "printed\\n"
    warnings.warn("only once", UserWarning)
    await db_session.execute(text("NOTIFY x"))


async def test_passes(db_session, record_property):
    record_property("colour", "blue")
    warnings.warn("once as well", UserWarning)
    await db_session.execute(INSERT)


@pytest.mark.xfail(raises=ZeroDivisionError)
async def test_expected(db_session):
    await db_session.execute(INSERT)
    1 / 0


@pytest.mark.xfail(strict=True)
async def test_unexpected(oneloop, db_session):
    await db_session.execute(INSERT)
    assert oneloop.strategy == "rollback"


async def test_skipped(db_session):
    await db_session.execute(INSERT)
    pytest.skip("for now")


class TestCase(unittest.IsolatedAsyncioTestCase):
    async def test_case(self):
        async with engine.begin() as connection:
            await connection.execute(INSERT)
            await connection.execute(text("NOTIFY x"))

    def test_wrong(self):
        self.fail("it does")
"""
RUNS = {
    "test_fails_under_both": ["rollback", "commit"],
    "test_meets_a_limit_and_fails_under_both": ["rollback", "commit"],
    "test_fails_without_a_database": ["rollback"],
    "test_broken_fixture": ["rollback", "commit"],
    "test_fixture_broken_once": ["rollback", "commit"],
    "test_fixture_broken_at_its_end": ["rollback", "commit"],
    "test_limit_at_the_end": ["rollback", "commit"],
    "test_fixtures": ["rollback", "commit"],
    "test_limit": ["rollback", "commit"],
    "test_passes": ["rollback"],
    "test_expected": ["rollback"],
    "test_unexpected": ["rollback", "commit"],
    "test_skipped": ["rollback"],
    "test_case": ["rollback", "commit"],
    "test_wrong": ["rollback"],
}
BOTH = (
    "The test failed under rollback, and under commit. Shown is its failure under commit, on a "
    "real database.\nUnder rollback: "
)


def test_what_is_reported(project: Project) -> None:
    project.write({"test_it.py": TESTS})
    done = project.run("--junitxml=out.xml", "-o", "junit_family=legacy", "-W", "always")
    assert take_runs(project) == RUNS
    assert done.counts == {"failed": 4, "passed": 7, "skipped": 1, "error": 1}, done.output
    assert " 2 xfailed, 2 warnings, " in done.output
    assert told(done, "test_it.py") == {
        "test_fixture_broken_once": (
            "commit: failed under rollback: AssertionError: assert 'rollback' == 'commit'"
        ),
        "test_fixture_broken_at_its_end": (
            "commit: failed under rollback: AssertionError: assert 'rollback' == 'commit'"
        ),
        "test_limit_at_the_end": "commit: LISTEN and NOTIFY need commits",
        "test_fixtures": "commit: LISTEN and NOTIFY need commits",
        "test_limit": "commit: LISTEN and NOTIFY need commits",
        "test_unexpected": "commit: failed under rollback: [XPASS(strict)]",
        "TestCase::test_case": "commit: LISTEN and NOTIFY need commits",
    }

    # What failed under both is shown from the real database, with what it was before.
    assert f"{BOTH}AssertionError: assert 'rollback' == 'neither'" in done.output
    assert f"{BOTH}AssertionError: assert 'rollback' == 'none'" in done.output
    assert f"{BOTH}LookupError: broken by design" in done.output
    assert done.output.count(BOTH) == 3
    assert "Captured log" not in done.output
    assert "assert 'commit' == 'neither'" in done.output
    assert done.output.count("printed under commit") == 1
    assert "printed under rollback" not in done.output
    assert "said under rollback" not in done.output
    assert done.output.count("UserWarning: only once") == 1
    assert done.output.count("UserWarning: once as well") == 1

    written = ET.parse(project.folder / "out.xml")  # noqa: S314 - by this very run
    cases = written.getroot().findall(".//testcase")
    assert sorted(case.attrib["name"] for case in cases) == sorted(RUNS)
    found = {case.attrib["name"]: case for case in cases}
    for name, value in {"test_limit": "red", "test_passes": "blue"}.items():
        recorded = [
            (one.attrib["name"], one.attrib["value"]) for one in found[name].iter("property")
        ]
        assert recorded == [("colour", value)]
    assert len(found["test_fails_under_both"].findall("failure")) == 1


SUBTESTS = """
from sqlalchemy import text


async def test_parts(subtests, oneloop, db_session):
    await db_session.execute(text("SELECT 1"))
    for number in range(3):
        with subtests.test(number=number):
            assert number != 1
"""


def test_a_test_that_reports_by_itself_runs_once(project: Project) -> None:
    project.write({"test_it.py": SUBTESTS})
    done = project.run("test_it.py")
    assert take_runs(project) == {"test_parts": ["rollback"]}
    assert done.output.count("SUBFAILED(number=1)") == 1, done.output
