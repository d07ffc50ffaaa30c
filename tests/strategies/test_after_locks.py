"""A test on a real database waits for no lock that a test in the sandbox has left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.attempts import take_runs

if TYPE_CHECKING:
    from tools.projects import Project

pytestmark = pytest.mark.server

LOCKS = """
import psycopg
import pytest
from notes import Note, engine, new_session
from sqlalchemy import make_url, text

real = pytest.mark.oneloop(strategy="commit")
sandboxed = pytest.mark.oneloop(strategy="rollback")


async def lock():
    async with new_session() as session:
        await session.execute(text("LOCK TABLE notes IN ACCESS EXCLUSIVE MODE"))
        await session.commit()


@sandboxed
async def test_locks():
    await lock()


@real
async def test_first_on_a_real_database():
    async with new_session() as session:
        session.add(Note(text="real"))
        await session.commit()


@sandboxed
async def test_locks_again():
    await lock()


@real
async def test_by_the_url(oneloop):
    url = make_url(oneloop.url).set(drivername="postgresql").render_as_string(False)
    with psycopg.connect(url, options="-c lock_timeout=2s") as connection:
        connection.execute("INSERT INTO notes (text) VALUES ('of a program')")


@sandboxed
async def test_goes_on_in_the_sandbox():
    async with new_session() as session:
        assert await session.scalar(text("SELECT count(*) FROM notes")) == 0
"""
TESTS = {
    "test_locks": ["rollback"],
    "test_first_on_a_real_database": ["commit"],
    "test_locks_again": ["rollback"],
    "test_by_the_url": ["commit"],
    "test_goes_on_in_the_sandbox": ["rollback"],
}


def test_no_lock_of_the_sandbox_is_met_on_a_real_database(project: Project) -> None:
    project.write({"test_locks.py": LOCKS})

    done = project.run()

    assert done.counts == {"passed": len(TESTS)}, done.output
    assert take_runs(project) == TESTS
