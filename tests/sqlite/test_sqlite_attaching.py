"""Files that an application attaches, in whole runs: no test writes to them, under any strategy."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tools import projects

if TYPE_CHECKING:
    from pathlib import Path

    from tools.projects import Project

LISTENER = """
from sqlalchemy import Engine, event


@event.listens_for(Engine, "connect")
def attach(connection, record):
    cursor = connection.cursor()
    cursor.execute("ATTACH 'library.db' AS library")
    cursor.execute("ATTACH DATABASE ? AS fresh", ("fresh.db",))
    cursor.close()
"""

TESTS = """
import sqlite3

import pytest
from sqlalchemy import create_engine, text

from notes import Note, engine, new_session

STRATEGIES = ["rollback", "commit", "commit", "rollback", "clone", "clone", "commit"]
BOOKS = text("SELECT id FROM library.book ORDER BY id")


def under(strategy):
    return pytest.param(strategy, marks=pytest.mark.oneloop(strategy=strategy))


@pytest.mark.parametrize("strategy", [under(one) for one in STRATEGIES])
@pytest.mark.parametrize("driver", ["aiosqlite", "sqlite3"])
async def test_attached(oneloop, strategy, driver):
    assert oneloop.strategy == strategy
    if driver == "sqlite3":
        own = create_engine("sqlite:///notes.db")
        with own.begin() as connection:
            found = write(connection)
        own.dispose()
    else:
        async with engine.begin() as connection:
            found = await connection.run_sync(write)
        async with engine.connect() as connection:
            assert list(await connection.scalars(BOOKS)) == [1, 2]
    assert found == [1]


def write(connection):
    connection.execute(text("CREATE TABLE IF NOT EXISTS fresh.more (id integer)"))
    assert connection.execute(text("SELECT count(*) FROM fresh.more")).scalar() == 0
    connection.execute(text("INSERT INTO fresh.more VALUES (1)"))
    found = list(connection.scalars(BOOKS))
    connection.execute(text("INSERT INTO library.book VALUES (2)"))
    return found


@pytest.mark.parametrize("number", [1, 2])
async def test_a_statement(number):
    async with engine.connect() as connection:
        await connection.execute(text("ATTACH DATABASE :file AS other"), {"file": "library.db"})
        await connection.execute(text("INSERT INTO other.book VALUES (3)"))
        await connection.commit()
        assert await connection.scalar(text("SELECT max(id) FROM other.book")) == 3


@pytest.mark.oneloop(strategy="commit")
@pytest.mark.parametrize("number", [1, 2])
def test_a_script_by_a_class_of_the_application(number):
    class Own(sqlite3.Connection):
        def twice(self):
            return 2

    own = create_engine("sqlite:///notes.db", connect_args={"factory": Own})
    with own.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw.twice() == 2
        raw.executescript(
            "CREATE TEMP TABLE t (a DEFAULT 'x;y'); /* ; */ ATTACH 'library.db' AS [other];"
            "INSERT INTO other.book VALUES (4); INSERT INTO other.book VALUES (5)"
        )
        assert raw.execute("SELECT id FROM other.book").fetchall() == [(1,), (4,), (5,)]
    own.dispose()
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose application attaches a file that is there, and one that is not."""
    project = projects.notes(
        tmp_path / "project",
        ONELOOP_CACHE_DIR=str(tmp_path / "cache"),
        NOTES_URL="sqlite+aiosqlite:///notes.db",
    )
    project.change("notes.py", "class Base", f"{LISTENER}\n\nclass Base")
    project.write({"test_notes.py": TESTS})
    with closing(sqlite3.connect(project.folder / "library.db")) as connection:
        connection.executescript("CREATE TABLE book (id integer PRIMARY KEY)")
        connection.executescript("INSERT INTO book VALUES (1)")
    return project


def test_files_that_are_attached_are_never_written_to(project: Project) -> None:
    before = (project.folder / "library.db").read_bytes()

    done = project.run("-W", "error")

    assert done.counts == {"passed": 18}, done.output
    assert (project.folder / "library.db").read_bytes() == before
    assert not list(project.folder.glob("notes.db*"))
    assert not list(project.folder.glob("fresh.db*"))


TABLE = """
class Page(Base):
    __tablename__ = "pages"
    __table_args__ = {"schema": "library"}
    id: Mapped[int] = mapped_column(primary_key=True)
"""

OF_THE_SCHEMA = """
import pytest
from sqlalchemy import func, select, text

from notes import Page, engine, new_session


@pytest.mark.parametrize("strategy", [
    pytest.param(one, marks=pytest.mark.oneloop(strategy=one))
    for one in ["rollback", "commit", "commit", "clone", "rollback"]
])
async def test_it(strategy):
    async with new_session() as session:
        assert await session.scalar(select(func.count()).select_from(Page)) == 0
        assert await session.scalar(text("SELECT count(*) FROM library.book")) == 1
        session.add(Page())
        await session.execute(text("DELETE FROM library.book"))
        await session.commit()
"""


def test_tables_that_the_schema_has_in_an_attached_file_are_part_of_the_template(
    project: Project,
) -> None:
    project.change("notes.py", "\n\nclass Note", f"{TABLE}\n\nclass Note")
    project.write({"test_notes.py": OF_THE_SCHEMA})
    before = (project.folder / "library.db").read_bytes()

    for _ in ("built", "cached"):
        done = project.run("-W", "error")
        assert done.counts == {"passed": 5}, done.output

    assert (project.folder / "library.db").read_bytes() == before
    assert not list(project.folder.glob("fresh.db*"))
