"""A lock that a test takes for its session is let go before the next test, in the sandbox too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tools.projects import Project

pytestmark = pytest.mark.server

TESTS = """
import pytest
from sqlalchemy import create_engine, text

from notes import engine

LOCK = text("SELECT pg_advisory_lock(5)")
UNLOCK = text("SELECT pg_advisory_unlock(5)")
NOWHERE = "nobody@nowhere.invalid/nothing"
DRIVERS = ("psycopg", "psycopg2")
ENGINES = {name: create_engine(f"postgresql+{name}://{NOWHERE}") for name in DRIVERS}


@pytest.mark.parametrize("time", [1, 2])
async def test_asyncpg(time):
    async with engine.connect() as connection:
        assert not await connection.scalar(UNLOCK)
        await connection.execute(LOCK)


@pytest.mark.parametrize("driver", ENGINES)
@pytest.mark.parametrize("time", [1, 2])
def test_synchronous(driver, time):
    with ENGINES[driver].connect() as connection:
        assert not connection.scalar(UNLOCK)
        connection.execute(LOCK)
"""
SHARED = """

@pytest.fixture(scope="session", autouse=True)
def rows():
    with ENGINES["psycopg"].begin() as connection:
        connection.execute(text("INSERT INTO notes (text) VALUES ('shared')"))
"""


def run(project: Project, tests: str, *options: str) -> dict[str, int]:
    project.write({"test_it.py": tests})
    done = project.run("--oneloop-strategy=rollback", "-pno:randomly", *options, "test_it.py")
    assert set(done.counts) <= {"passed", "deselected"}, done.output
    return done.counts


def test_it_is_let_go(project: Project) -> None:
    assert run(project, TESTS) == {"passed": 6}


def test_it_is_where_tests_share_rows(project: Project) -> None:
    counts = run(project, TESTS + SHARED, "-k", "psycopg and not psycopg2")
    assert counts["passed"] == 2
