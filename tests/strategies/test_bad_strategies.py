"""Strategies that do not exist, or cannot be, and tests that are killed in the middle of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from pytest_oneloop.databases.urls import parse_server_url
from pytest_oneloop.errors.connection import DatabaseRightsError
from tools.attempts import take_runs
from tools.processes import processes_of
from tools.servers import conninfo, database_url, worker_databases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.databases.address import ServerAddress
    from tools.projects import Project

pytestmark = pytest.mark.server

MARKS = """
import pytest
from sqlalchemy import text

INSERT = text("INSERT INTO notes (text) VALUES ('a')")


@pytest.mark.oneloop(strategy="comit")
async def test_wrong_name(db_session):
    await db_session.execute(INSERT)


@pytest.mark.oneloop("commit")
async def test_wrong_form(db_session):
    await db_session.execute(INSERT)


@pytest.mark.oneloop(strategy="commit")
async def test_right(db_session):
    await db_session.execute(INSERT)
"""
WRONG = (
    "OL212: the mark oneloop({given}) of test_it.py::{test} names no strategy.\n"
    "  Likely cause: the name is misspelt, or is not given as `strategy=...`, the only argument\n"
    "  What to do: write one that exists, such as "
    '@pytest.mark.oneloop(strategy="commit") (auto, rollback, commit, clone)\n'
)


def test_a_mark_that_asks_for_nothing(project: Project) -> None:
    project.write({"test_it.py": MARKS})
    done = project.run("--strict-markers", "test_it.py")
    assert done.counts == {"passed": 1, "error": 2}, done.output
    assert done.output.count(WRONG.format(given="strategy='comit'", test="test_wrong_name")) == 1
    assert done.output.count(WRONG.format(given="'commit'", test="test_wrong_form")) == 1
    assert take_runs(project) == {"test_right": ["commit"]}


def test_a_variable_that_asks_for_nothing(project: Project) -> None:
    project.write({"test_it.py": MARKS})
    done = project.run("test_it.py", ONELOOP_STRATEGY="comit")
    assert done.code == 4
    assert done.output.strip() == (
        "ERROR: OL121: oneloop_strategy cannot be 'comit' (set by ONELOOP_STRATEGY).\n"
        "  Likely cause: there is no strategy of that name in this version.\n"
        "  What to do: use one that exists (auto, rollback, commit, clone), or leave it out."
    )


@pytest.fixture
def poor(tcp_server: ServerAddress) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A role that may create databases, until it is told otherwise."""
    with psycopg.connect(conninfo(tcp_server), autocommit=True) as connection:
        connection.execute("CREATE ROLE tenant LOGIN PASSWORD 'word' CREATEDB")
        yield connection
        for name in worker_databases(tcp_server):
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
        connection.execute("DROP OWNED BY tenant")
        templates = connection.execute(
            "SELECT datname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba "
            "WHERE rolname = 'tenant'"
        )
        for (name,) in templates.fetchall():
            connection.execute(f'ALTER DATABASE "{name}" IS_TEMPLATE false'.encode())
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
        connection.execute("DROP ROLE tenant")


CLONES = """
import os

import psycopg
import pytest
from sqlalchemy import text


async def test_first(db_session):
    await db_session.execute(text("SELECT 1"))
    with psycopg.connect(os.environ["MASTER"], autocommit=True) as master:
        master.execute("ALTER ROLE tenant NOCREATEDB")


@pytest.mark.oneloop(strategy="clone")
async def test_second(db_session):
    await db_session.execute(text("SELECT 1"))
"""


def test_a_clone_where_none_may_be_made(
    project: Project,
    tcp_server: ServerAddress,
    poor: psycopg.Connection[tuple[object, ...]],
) -> None:
    project.write({"test_it.py": CLONES})
    server = f"postgresql://tenant:word@{tcp_server.host}:{tcp_server.port}"
    done = project.run("test_it.py", ONELOOP_SERVER=server, MASTER=conninfo(tcp_server))
    assert done.counts == {"passed": 1, "failed": 1}, done.output
    address = parse_server_url(server, source="ONELOOP_SERVER")
    text = DatabaseRightsError(address, reason="permission denied to create database")
    assert str(text) in done.output
    assert poor.execute("SELECT 1").fetchone() == (1,)
    assert worker_databases(tcp_server) == set()


KILLED = """
import os

import psycopg
import pytest
from sqlalchemy import text

from notes import Note, new_session

INSERT = text("INSERT INTO notes (text) VALUES ('left')")


@pytest.mark.oneloop(strategy=os.environ["STRATEGY"])
async def test_dies(oneloop):
    async with new_session.begin() as session:
        session.add(Note(text="committed"))
    open_session = new_session()
    await open_session.execute(INSERT)
    with psycopg.connect(oneloop.url.replace("+asyncpg", "")) as other:
        other.execute(INSERT.text)
        other.execute("PREPARE TRANSACTION 'left'")
    if "DIES" in os.environ:
        os._exit(9)
    await open_session.close()


@pytest.mark.oneloop(strategy="commit")
async def test_clean(db_session):
    assert await db_session.scalar(text("SELECT count(*) FROM notes")) == 0
    await db_session.execute(INSERT)
    await db_session.commit()
"""


@pytest.mark.parametrize(
    ("strategy", "workers"),
    [("commit", ()), ("clone", ()), ("commit", ("-n1",))],
    ids=["commit", "clone", "commit, in a worker"],
)
def test_after_a_death_the_next_run_starts_clean(
    project: Project, tcp_server: ServerAddress, strategy: str, workers: tuple[str, ...]
) -> None:
    project.write({"test_it.py": KILLED})
    server = {
        "ONELOOP_SERVER": database_url(tcp_server, "postgresql"),
        "STRATEGY": strategy,
    }
    with project.started(*workers, "test_it.py", DIES="yes", **server) as running:
        died = running.finish()
        assert processes_of(running.mark) == {}
    if workers:
        # Another worker does the rest.
        assert died.counts == {"failed": 1, "passed": 1}, died.output
    else:
        assert died.code == 9, died.output
    assert worker_databases(tcp_server) != set()

    done = project.run(*workers, "test_it.py", **server)
    assert done.counts["passed"] == 2, done.output
    assert worker_databases(tcp_server) == set()
    with psycopg.connect(conninfo(tcp_server)) as connection:
        assert connection.execute("SELECT gid FROM pg_prepared_xacts").fetchall() == []
