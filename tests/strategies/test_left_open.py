"""What a test leaves open on a real database is ended, named, and in nobody's way."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tools.projects import Project

pytestmark = pytest.mark.server

TESTS = """
import asyncio
import threading
from contextlib import suppress

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from notes import Note, engine, new_session

INSERT = text("INSERT INTO notes (text) VALUES ('left')")
COUNT = text("SELECT count(*) FROM notes")
left = []


@pytest.fixture(autouse=True)
async def nothing_is_in_the_way(db_session):
    assert await db_session.scalar(COUNT) == 0
    await db_session.execute(text("LOCK notes"))
    await db_session.rollback()
    yield


async def test_a_session():
    session = new_session()
    left.append(session)
    await session.execute(INSERT)  # a session


async def test_a_task():
    ready = asyncio.Event()

    async def work():
        async with engine.begin() as connection:  # a task
            await connection.execute(text("LOCK notes"))
            ready.set()
            await asyncio.sleep(600)

    left.append(asyncio.create_task(work()))
    await ready.wait()


def test_a_thread():
    ready = threading.Event()
    other = create_engine("postgresql+psycopg://nobody@nowhere.invalid/nothing")

    def work():
        with suppress(DBAPIError), other.begin() as connection:  # a thread
            connection.execute(INSERT)
            ready.set()
            left.append(threading.Event())
            left[-1].wait(0.5)

    threading.Thread(target=work, daemon=True).start()
    assert ready.wait(10)


def test_a_statement():
    ready = threading.Event()
    other = create_engine("postgresql+psycopg2://nobody@nowhere.invalid/nothing")

    def work():
        with suppress(DBAPIError), other.begin() as connection:  # a statement
            connection.execute(INSERT)
            ready.set()
            connection.execute(text("SELECT pg_sleep(600)"))

    threading.Thread(target=work, daemon=True).start()
    assert ready.wait(10)


async def test_a_lock():
    async with engine.connect() as connection:  # a lock
        await connection.execute(text("SELECT pg_advisory_lock(7)"))


def test_a_prepared_transaction(oneloop):
    with psycopg.connect(oneloop.url.replace("+asyncpg", "")) as other:
        other.execute("INSERT INTO notes (text) VALUES ('prepared')")
        other.execute("PREPARE TRANSACTION 'transfer-17'")


async def test_another_program(oneloop):
    other = psycopg.connect(oneloop.url.replace("+asyncpg", ""), application_name="report")
    other.execute("INSERT INTO notes (text) VALUES ('theirs')")
    left.append(other)


async def test_nothing(db_session):
    await db_session.execute(INSERT)
"""
OPEN = "a connection checked out at test_it.py:{} is still open"
HELD = "in the way was the connection checked out at test_it.py:{}, as session N (idle), "
THEIRS = "in the way was session N (idle in transaction), holds RowExclusive on notes, "
FOUND = {
    "test_a_session": OPEN,
    "test_a_task": OPEN,
    "test_a_thread": OPEN,
    "test_a_statement": OPEN,
    "test_a_lock": HELD
    + "holds Exclusive on advisory until pg_advisory_unlock, last statement: ROLLBACK",
    "test_a_prepared_transaction": "the prepared transaction 'transfer-17' was not ended",
    "test_another_program": (
        THEIRS
        + "RowExclusive on notes_id_seq, last statement: INSERT INTO notes (text) VALUES ('theirs')"
    ),
}
TEXT = (
    "OL211: {test} has left something open on a real database, which was ended by force: {found}.\n"
    "Likely cause: a session is not closed at the end of the test, or a task or a thread outlives "
    "it\n"
    "What to do: close it in the test that opens it (`async with session_factory() as session: "
    "...`), and await or cancel tasks\n"
)


def line_of(test: str) -> int:
    """Return the line on which the test gets what it leaves."""
    mark = f"# {test.removeprefix('test_').replace('_', ' ')}"
    numbers = [number for number, line in enumerate(TESTS.splitlines(), 1) if line.endswith(mark)]
    return numbers[0] if numbers else 0


@pytest.mark.parametrize("strategy", ["commit", "clone"])
def test_what_is_left_is_named_and_ended(project: Project, strategy: str) -> None:
    project.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
    project.write({"test_it.py": TESTS})
    done = project.run("-p", "tools.probe", f"--oneloop-strategy={strategy}", "test_it.py")
    assert done.counts.get("passed") == 8, done.output
    assert (project.folder / "differences").read_text() == ""
    output = re.sub(r"session \d+", "session N", re.sub(r"\n +", "\n", done.output))
    said = re.findall(r"OL211: test_it.py::(\w+) ", output)
    if strategy == "commit":
        assert said == list(FOUND), done.output
    for test in said:
        found = FOUND[test].format(line_of(test))
        assert TEXT.format(test=f"test_it.py::{test}", found=found) in output, output


BLOCKED = """
import psycopg
import pytest
from sqlalchemy import text

from notes import Note, engine, new_session

left = []


@pytest.fixture
async def tidy():
    yield
    async with engine.begin() as connection:
        await connection.execute(text("TRUNCATE notes"))


@pytest.mark.oneloop(strategy="commit")
async def test_it(tidy, oneloop):
    with psycopg.connect(oneloop.url.replace("+asyncpg", "")) as other:
        other.execute("INSERT INTO notes (text) VALUES ('prepared')")
        other.execute("PREPARE TRANSACTION 'transfer-17'")
    session = new_session()
    left.append(session)
    session.add(Note(text="left"))
    await session.flush()  # a session


async def test_nothing(db_session):
    assert await db_session.scalar(text("SELECT count(*) FROM notes")) == 0
"""


def test_a_teardown_that_waits_for_it_goes_on(project: Project) -> None:
    project.write({"test_it.py": BLOCKED})
    done = project.run("test_it.py")
    assert done.counts.get("passed") == 2, done.output
    line = BLOCKED[: BLOCKED.index("# a session")].count("\n") + 1
    output = re.sub(r"(session|waited for by) \d+", r"\1 N", re.sub(r"\n +", "\n", done.output))
    found = (
        f"in the way was the connection checked out at test_it.py:{line}, as session N (idle in "
        "transaction), holds RowExclusive on notes, RowExclusive on notes_id_seq, is waited for by "
        "N, last statement: INSERT INTO notes (text) VALUES ($1::VARCHAR) RETURNING notes.id; "
        "the prepared transaction 'transfer-17' was not ended"
    )
    assert TEXT.format(test="test_it.py::test_it", found=found) in output, output
