"""Fixtures of a wider scope whose teardown uses the database, or that the sandbox refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.projects import notes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.server

TESTS = """
import pytest
import pytest_asyncio
from notes import Note, engine, new_session
from sqlalchemy import text


@pytest_asyncio.fixture(scope="SCOPE", loop_scope="session")
async def unique():
    async with new_session.begin() as session:
        await session.execute(text("CREATE UNIQUE INDEX IF NOT EXISTS once ON notes (text)"))
        session.add(Note(text="only one"))
    yield
    async with new_session.begin() as session:
        await session.execute(text("DELETE FROM notes"))
        await session.scalar(text("SELECT count(*) FROM notes"))


async def test_in_the_sandbox(unique, db_session):
    assert await db_session.scalar(text("SELECT text FROM notes")) == "only one"


@pytest.mark.oneloop(strategy="STRATEGY")
async def test_on_a_real_database(unique, db_session):
    assert await db_session.scalar(text("SELECT text FROM notes")) == "only one"


async def test_that_fails(unique, db_session):
    assert await db_session.scalar(text("SELECT text FROM notes")) == "something else"


async def test_in_the_sandbox_again(unique, db_session):
    assert await db_session.scalar(text("SELECT text FROM notes")) == "only one"
"""
REFUSED = """
import pytest
import pytest_asyncio
from notes import engine
from sqlalchemy import text

calls = []


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def vacuumed():
    calls.append(1)
    free = engine.execution_options(isolation_level="AUTOCOMMIT")
    async with free.connect() as connection:
        await connection.execute(text("VACUUM"))


async def test_it(vacuumed, oneloop):
    assert (len(calls), oneloop.strategy) == (2, "clone")
"""


@pytest.mark.parametrize("strategy", ["commit", "clone"])
@pytest.mark.parametrize("scope", ["module", "session"])
def test_a_teardown_holds_no_lock_that_the_next_test_waits_for(
    scope: str, strategy: str, tmp_path: Path
) -> None:
    project = notes(tmp_path)
    tests = TESTS.replace("SCOPE", scope).replace("STRATEGY", strategy)
    project.write({"test_notes.py": tests})

    done = project.run("--timeout=30", "-o", "asyncio_default_test_loop_scope=session")

    assert done.counts == {"passed": 3, "failed": 1}, done.output
    assert "AssertionError: assert 'only one' == 'something else'" in done.output


def test_a_set_up_that_the_sandbox_refuses_is_tried_again(tmp_path: Path) -> None:
    project = notes(tmp_path)
    project.write({"test_notes.py": REFUSED})

    assert project.run().counts == {"passed": 1}
    done = project.run("--oneloop-strategy=rollback")
    assert done.counts == {"error": 1}, done.output
