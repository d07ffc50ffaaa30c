"""Rows of a fixture of a wider scope, and tests that use no connection, or another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.projects import notes

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """
import asyncio

import pytest
import pytest_asyncio
from sqlalchemy import create_engine, text

from notes import Note, engine, new_session

sync_engine = create_engine(engine.url.set(drivername="SYNC"))


async def add(what):
    async with new_session() as session:
        session.add(Note(text=what))
        await session.commit()


async def count():
    async with new_session() as session:
        return await session.scalar(text("SELECT count(*) FROM notes"))


def add_by_the_other_driver():
    with sync_engine.begin() as connection:
        connection.execute(text("INSERT INTO notes (text) VALUES ('other')"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def wide():
    await add("wide")
    yield
    await add("gone")


@pytest.fixture(scope="module")
def of_the_other_driver():
    add_by_the_other_driver()
    yield
"""

BODIES = {
    "unused": """
async def test_1(wide): pass


async def test_2(wide):
    assert await count() == 1


def test_3(wide): pass


async def test_4(wide):
    assert await count() == 1
""",
    "another driver": """
async def test_1(wide):
    add_by_the_other_driver()
    assert await count() == 2


def test_2(wide):
    add_by_the_other_driver()


async def test_3(wide): pass


async def test_4(wide):
    assert await count() == 1
""",
    "fixtures of both": """
async def test_1(wide, of_the_other_driver):
    assert await count() == 2


async def test_2(wide): pass


def test_3(of_the_other_driver): pass


async def test_4(wide): pass
""",
}

LOCKING = {
    "in one test": """
async def test_1():
    await add("a")
    async with new_session() as session:
        await session.execute(text("TRUNCATE notes RESTART IDENTITY"))
        await session.commit()
    with sync_engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM notes")) == 0


def test_2():
    with sync_engine.begin() as connection:
        connection.execute(text("DROP TABLE notes"))
    with pytest.raises(Exception, match="does not exist"):
        asyncio.run(count())
""",
    "over two tests": """
async def test_1(wide):
    async with new_session() as session:
        await session.execute(text("TRUNCATE notes RESTART IDENTITY"))
        await session.commit()


def test_2():
    asyncio.run(add("a"))
    add_by_the_other_driver()
""",
    "by a fixture": """
@pytest.fixture(autouse=True)
def cleaned():
    with sync_engine.begin() as connection:
        connection.execute(text("TRUNCATE notes RESTART IDENTITY CASCADE"))


async def test_1():
    await add("a")
    assert await count() == 1


async def test_2():
    assert await count() == 0
""",
}


@pytest.mark.parametrize("body", list(BODIES))
@pytest.mark.parametrize(
    ("url", "sync"),
    [
        ("postgresql+asyncpg://nobody@database.invalid/none", "postgresql+psycopg"),
        ("sqlite+aiosqlite:///notes.db", "sqlite"),
    ],
    ids=["postgresql", "sqlite"],
)
def test_they_are_there_for_whoever_asks(tmp_path: Path, url: str, sync: str, body: str) -> None:
    project = notes(tmp_path, NOTES_URL=url)
    project.write({"test_notes.py": HEAD.replace("SYNC", sync) + BODIES[body]})

    done = project.run("-W", "error", "-p", "no:randomly")

    assert done.counts == {"passed": 4}, done.output


@pytest.mark.parametrize("body", list(LOCKING))
def test_no_connection_waits_for_another_of_the_same_process(tmp_path: Path, body: str) -> None:
    project = notes(tmp_path)
    tests = HEAD.replace("SYNC", "postgresql+psycopg") + LOCKING[body]
    project.write({"test_notes.py": tests})

    done = project.run("-W", "error", "-p", "no:randomly")

    assert done.counts == {"passed": 2}, done.output


TEARDOWNS = """
@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def one():
    await add("one")
    yield
    await add("one is gone")


@pytest.fixture(scope="session")
def other():
    yield add_by_the_other_driver()
    add_by_the_other_driver()


@pytest.mark.oneloop(strategy="commit")
async def test_1(one, other):
    assert await count() == 2


@pytest.mark.oneloop(strategy="clone")
async def test_2(one, other):
    assert await count() == 2


async def test_3(one):
    assert await count() == 1


def test_4(other): pass


@pytest.mark.oneloop(strategy="commit")
async def test_5(): pass
"""


def test_teardowns_between_tests_have_nothing_to_do_with_one_another(tmp_path: Path) -> None:
    project = notes(tmp_path)
    project.write({"test_notes.py": HEAD.replace("SYNC", "postgresql+psycopg") + TEARDOWNS})

    done = project.run("-W", "error", "-p", "no:randomly")

    assert done.counts == {"passed": 5}, done.output
