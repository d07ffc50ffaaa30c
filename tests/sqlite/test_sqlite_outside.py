"""Hooks between tests that write by one driver, where a fixture has written by the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools import projects

if TYPE_CHECKING:
    from pathlib import Path

    from tools.projects import Project

REFUSED = "SplitTransactionError"

CONFTEST = """
import asyncio

import pytest
import pytest_asyncio
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from notes import engine, new_session
from pytest_oneloop.errors.sandbox import SplitTransactionError

INSERT = text("INSERT INTO notes (text) VALUES ('a')")
# A second engine on the file of the first, whose driver is another one.
sync_engine = create_engine(engine.url.set(drivername="sqlite"), connect_args={"timeout": 1})


async def write_async():
    async with new_session.begin() as session:
        await session.execute(INSERT)


def write_sync():
    with sync_engine.begin() as connection:
        connection.execute(INSERT)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def wide_async():
    await write_async()


@pytest.fixture(scope="session")
def wide_sync():
    write_sync()


def write_otherwise(fixture):
    if fixture == "wide_async":
        write_sync()
    else:
        asyncio.run(write_async())


def pytest_runtest_logfinish(nodeid):
    try:
        write_otherwise(FIXTURE)
    except (SplitTransactionError, OperationalError) as error:
        outcome = type(error).__name__
    else:
        outcome = "written"
    with open("found", "a") as found:
        print(outcome, file=found)
"""

TESTS = """
import pytest
from sqlalchemy import text

from conftest import new_session, sync_engine, write_async, write_sync

COUNT = text("SELECT count(*) FROM notes")


async def use(fixture):
    if fixture == "wide_sync":
        with sync_engine.begin() as connection:
            assert connection.scalar(COUNT) == 1
        write_sync()
    else:
        async with new_session() as session:
            assert await session.scalar(COUNT) == 1
        await write_async()


async def test_first(FIXTURE):
    await use("FIXTURE")


async def test_next(FIXTURE):
    await use("FIXTURE")


@pytest.mark.oneloop(strategy="commit")
async def test_commits(FIXTURE):
    await use("FIXTURE")


async def test_last(FIXTURE):
    await use("FIXTURE")
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return projects.notes(
        tmp_path / "project",
        ONELOOP_CACHE_DIR=str(tmp_path / "cache"),
        NOTES_URL="sqlite+aiosqlite:///notes.db",
    )


@pytest.mark.parametrize(
    ("strategy", "outcomes"),
    # With the last test, and with one that commits, the fixture's rows have gone.
    [("rollback", [REFUSED] * 3 + ["written"]), ("auto", [REFUSED] * 2 + ["written"] * 2)],
)
@pytest.mark.parametrize("fixture", ["wide_async", "wide_sync"])
def test_it_is_told_at_once(
    project: Project, fixture: str, strategy: str, outcomes: list[str]
) -> None:
    project.write(
        {
            "conftest.py": CONFTEST.replace("FIXTURE", f'"{fixture}"'),
            "test_notes.py": TESTS.replace("FIXTURE", fixture),
        }
    )
    done = project.run(f"--oneloop-strategy={strategy}", "-p", "no:randomly", "-W", "error")
    assert done.counts == {"passed": 4}, done.output
    # A lock of SQLite's own would be an OperationalError, after a second.
    assert (project.folder / "found").read_text().split() == outcomes
