"""Databases that tests cannot be isolated on, or not as they are: one clear error each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tools.projects import Project, notes

if TYPE_CHECKING:
    from pathlib import Path

    from tools.mariadb import MariaDB

SETTINGS = """
[tool.pytest.ini_options]
asyncio_mode = "auto"
pythonpath = "."
oneloop_schema = "visits:Base"
"""

VISITS = """
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine("{dialect}+aiomysql://me:wrong@database.invalid/visits")


class Base(DeclarativeBase):
    pass


class Visit(Base):
    __tablename__ = "visits"
    __table_args__ = {{"mysql_engine": "MyISAM"}}
    id: Mapped[int] = mapped_column(primary_key=True)
"""

TEST_VISITS = """
from sqlalchemy.ext.asyncio import AsyncSession
from visits import Visit, engine


async def test_a_visit():
    async with AsyncSession(engine) as session:
        session.add(Visit())
        await session.flush()
"""

TEST_HELD = '''
import subprocess
import sys

import pytest

HOLD = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def holders():
    started = []
    yield started
    for one in started:
        one.communicate()


@pytest.mark.oneloop(strategy="commit")
async def test_it_is_held(client, oneloop, holders):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    holders.append(subprocess.Popen([sys.executable, "-c", HOLD, oneloop.database], **pipes))
    assert holders[0].stdout.readline().strip() == "held"
    await client.post("/notes", params={"text": "a"})


async def test_next(client):
    assert (await client.post("/notes", params={"text": "a"})).json() == 1
'''


def visits(folder: Path, *, dialect: str = "mysql", **environ: str) -> Project:
    project = Project(folder, environ)
    project.write(
        {
            "visits.py": VISITS.format(dialect=dialect),
            "test_visits.py": TEST_VISITS,
            "pyproject.toml": SETTINGS,
        }
    )
    return project


def test_a_table_whose_engine_knows_no_transactions(tmp_path: Path, mariadb: MariaDB) -> None:
    project = visits(tmp_path, ONELOOP_SERVER=mariadb.url("mysql"))

    run = project.run("--oneloop-strategy=rollback")

    assert (
        "UnsafeTableError: OL227: in test_visits.py::test_a_visit: the statement at "
        "test_visits.py:9 would change the table 'visits', whose rows no rollback puts back; it "
        "was not sent.\n"
        "  Likely cause: the table's storage engine knows no transactions, as MyISAM, Aria and "
        "MEMORY\n"
        "  What to do: ALTER TABLE visits ENGINE = InnoDB; or let the test commit for real, after "
        'which the table is put back: @pytest.mark.oneloop(strategy="commit")\n'
    ) in run.output.replace("\nE   ", "\n")
    assert "pytest_oneloop/" not in run.output
    assert run.counts == {"failed": 1}
    assert project.run().counts == {"passed": 1}


def test_a_user_who_may_not_create_databases(tmp_path: Path, mariadb: MariaDB) -> None:
    # The template that somebody else has made is none of theirs either.
    assert visits(tmp_path / "rich", ONELOOP_SERVER=mariadb.url("mysql")).run().code == 0
    mariadb.run("CREATE USER poor IDENTIFIED BY 'poor'")
    try:
        url = replace(mariadb, user="poor", password="poor").url("mysql")
        run = visits(tmp_path / "poor", ONELOOP_SERVER=url).run()
    finally:
        mariadb.run("DROP USER poor")

    place = f"127.0.0.1:{mariadb.port}"
    [reason] = [line for line in run.output.splitlines() if line.startswith("OL174: ")]
    assert reason.startswith(f"OL174: The user 'poor' may not create databases at {place}: SELECT")
    run.explains(
        f"{reason}\n"
        "  Likely cause: every worker needs a database of its own, whose name begins with "
        "oneloop_\n"
        "  What to do: let an administrator run: GRANT ALL ON `oneloop\\_%`.* TO 'poor'@'%'\n",
        stops=True,
    )


def test_an_application_on_mariadb_without_a_server(tmp_path: Path) -> None:
    run = visits(tmp_path, dialect="mariadb").run()

    run.explains(
        "OL170: An engine connects by mysql, and there is no server for its tests.\n"
        "  Likely cause: unlike PostgreSQL, there is no embedded MySQL; and oneloop_server "
        "names none\n"
        "  What to do: start a MySQL or MariaDB for tests, and set "
        "ONELOOP_SERVER=mysql://USER:PASSWORD@HOST:PORT/ (after a space, if it names a PostgreSQL "
        "already); let an administrator run there: GRANT ALL ON `oneloop\\_%`.* TO 'USER'@'%'\n",
        stops=True,
    )


def test_a_file_that_another_process_holds(tmp_path: Path) -> None:
    """The test meets SQLite's own error; the plugin says who was in the way, and goes on."""
    project = notes(
        tmp_path / "notes",
        ONELOOP_CACHE_DIR=str(tmp_path / "cache"),
        NOTES_URL="sqlite+aiosqlite:///notes.db?timeout=0.1",
    )
    project.write({"test_notes.py": TEST_HELD})

    run = project.run("--oneloop-strategy=auto")

    assert "(sqlite3.OperationalError) database is locked" in run.output
    assert (
        "LeftOpenWarning: OL211: test_notes.py::test_it_is_held has left something open on a real "
        "database, which was ended by force: in the way was a connection that holds a lock on the "
        "file, in this process or in another.\n"
        "    Likely cause: a session is not closed at the end of the test, or a task or a thread "
        "outlives it\n"
        "    What to do: close it in the test that opens it (`async with session_factory() as "
        "session: ...`), and await or cancel tasks\n"
    ) in run.output
    assert run.counts == {"failed": 1, "passed": 1}
