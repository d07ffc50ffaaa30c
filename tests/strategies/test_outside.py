"""Code outside of any test is in the sandbox, whatever the test before it was under."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tools.projects import Project

pytestmark = pytest.mark.server

CONFTEST = """
import asyncio

from sqlalchemy import text

from notes import new_session


async def note(who):
    async with new_session() as session:
        there = await session.scalar(text("SELECT count(*) FROM notes"))
        insert = text("INSERT INTO notes (text) VALUES ('a') RETURNING id")
        with open("found", "a") as found:
            found.write(f"{who} {there} {await session.scalar(insert)}\\n")
        await session.commit()


def pytest_runtest_logfinish(nodeid):
    asyncio.run(note("outside"))
"""
TESTS = """
import pytest

from conftest import note


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize(
    "strategy",
    [
        pytest.param(one, marks=pytest.mark.oneloop(strategy=one))
        for one in ("rollback", "commit", "clone")
    ],
)
async def test_it(strategy, times, oneloop):
    await note(oneloop.strategy)
"""


def test_code_between_tests_leaves_nothing(project: Project) -> None:
    project.write({"conftest.py": CONFTEST, "test_it.py": TESTS})

    done = project.run("-W", "error", "test_it.py")

    assert done.counts == {"passed": 6}, done.output
    order = [who for one in ("rollback", "commit", "clone") for who in [one, "outside"] * 2]
    found = (project.folder / "found").read_text().splitlines()
    assert found == [f"{who} 0 1" for who in order]


BESIDE = """
import asyncio

import pytest_asyncio
from sqlalchemy import create_engine, text

from notes import engine, new_session
from pytest_oneloop.errors.sandbox import SplitTransactionError

INSERT = text("INSERT INTO notes (text) VALUES ('a')")
sync_engine = create_engine(engine.url.set(drivername="postgresql+psycopg"))


async def write():
    async with new_session.begin() as session:
        await session.execute(INSERT)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def wide():
    await write()
    yield


def pytest_runtest_logfinish(nodeid):
    try:
        with sync_engine.begin() as connection:
            connection.execute(INSERT)
    except SplitTransactionError as error:
        outcome = error.code
    else:
        outcome = "written"
    with open("found", "a") as found:
        found.write(f"{outcome}\\n")
"""


@pytest.mark.parametrize(
    ("fixture", "outcomes"),
    # With the last test, the fixture has gone.
    [("wide", ["OL203", "OL203", "written"]), ("oneloop", ["written"] * 3)],
)
def test_it_does_not_wait_for_what_the_tests_have_locked(
    project: Project, fixture: str, outcomes: list[str]
) -> None:
    # Both insert the row with the first id: on one database, the later one would wait.
    tests = "from conftest import write\n\n" + "\n\n".join(
        f"async def test_{number}({fixture}):\n    await write()" for number in range(3)
    )
    project.write({"conftest.py": BESIDE, "test_it.py": tests})

    done = project.run("-W", "error", "-p", "no:randomly", "test_it.py")

    assert done.counts == {"passed": 3}, done.output
    assert (project.folder / "found").read_text().split() == outcomes
