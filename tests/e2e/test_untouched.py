"""Nothing real is touched: the application's own database never gets a connection from a test."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

from tools import projects
from tools.listeners import CountingListener
from tools.project_files import LEAN_TEST
from tools.servers import conninfo

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_oneloop.databases.address import ServerAddress
    from tools.projects import Project

pytestmark = pytest.mark.server

GLOBAL_ENGINES = """
import os

from sqlalchemy import NullPool, StaticPool, create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

HOST = os.environ["REAL_HOST"]
ASYNC = [
    create_async_engine(f"postgresql+{driver}://app:secret@{HOST}/production")
    for driver in ("asyncpg", "psycopg")
]
SYNC = [
    create_engine(f"postgresql+{driver}://app:secret@{HOST}/production")
    for driver in ("psycopg", "psycopg2")
]


async def ask(engine):
    async with engine.connect() as connection:
        return await connection.scalar(text("SELECT current_database()"))


def ask_now(engine):
    with engine.connect() as connection:
        return connection.scalar(text("SELECT current_database()"))
"""

TESTS = """
import pytest
from sqlalchemy import NullPool, StaticPool, create_engine, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from engines import ASYNC, HOST, SYNC, ask, ask_now

DRIVERS = {"asyncpg": ASYNC[0], "psycopg": ASYNC[1]}


@pytest.mark.parametrize("engine", ASYNC, ids=lambda engine: engine.driver)
async def test_global_engine(engine):
    assert (await ask(engine)).startswith("oneloop_run_")


@pytest.mark.parametrize("engine", SYNC, ids=lambda engine: engine.driver)
def test_global_engine_of_a_synchronous_driver(engine):
    assert ask_now(engine).startswith("oneloop_run_")


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("pool", [None, NullPool, StaticPool])
async def test_engine_made_in_a_test(driver, pool):
    url = f"postgresql+{driver}://app:secret@{HOST}/production"
    engine = create_async_engine(url, poolclass=pool, pool_pre_ping=True)
    assert (await ask(engine)).startswith("oneloop_run_")
    await engine.dispose()


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
@pytest.mark.parametrize("in_query", [False, True])
def test_synchronous_engine_made_in_a_test(driver, in_query):
    host, port = HOST.split(":")
    url = f"postgresql+{driver}://app:secret@{HOST}/production"
    if in_query:
        url = f"postgresql+{driver}://app:secret@/production?host={host}&port={port}"
    engine = create_engine(url, connect_args={"connect_timeout": 3})
    assert ask_now(engine).startswith("oneloop_run_")
    engine.dispose()


async def test_the_applications_own_connections(client, db_session):
    assert (await client.post("/notes", params={"text": "hello"})).json() == 1
"""

CONFTEST_ASKS = """
import pytest

from engines import SYNC, ask_now

{statement}


@pytest.fixture(scope="session", autouse=True)
def session_wide():
    {in_fixture}
"""


def real_project(tmp_path: Path, cache: Path, real: CountingListener, file: str) -> Project:
    """Lay out a project all of whose engines name the listener."""
    host = f"{real.host}:{real.port}"
    project = projects.migrated_notes(
        tmp_path,
        ONELOOP_CACHE_DIR=str(cache),
        REAL_HOST=host,
        NOTES_URL=f"postgresql+asyncpg://app:secret@{host}/production",
        # What libpq and asyncpg read when an address lacks something.
        PGHOST=real.host,
        PGPORT=str(real.port),
    )
    (project.folder / "test_notes.py").unlink()
    project.write({"engines.py": GLOBAL_ENGINES, "test_engines.py": file})
    return project


def test_no_engine_of_any_driver_reaches_it(tmp_path: Path, cache: Path) -> None:
    with CountingListener() as real:
        run = real_project(tmp_path, cache, real, TESTS).run("-rA")
        assert real.accepted == 0
    assert run.counts == {"passed": 15}, run.output


def test_without_the_plugin_every_engine_reaches_it(tmp_path: Path, cache: Path) -> None:
    with CountingListener() as real:
        project = real_project(tmp_path, cache, real, TESTS)
        run = project.run("-p", "no:oneloop", "--tb=no")
        assert real.accepted >= 14
    assert run.counts == {"failed": 14, "error": 1}, run.output


@pytest.mark.parametrize("moment", ["conftest", "fixture", "collection"])
def test_code_around_the_tests_does_not_reach_it(moment: str, tmp_path: Path, cache: Path) -> None:
    """Whether it works there or not: it reaches the test database, or nothing."""
    ask = "[ask_now(engine) for engine in SYNC]"
    files = {
        "conftest.py": CONFTEST_ASKS.format(
            statement=ask if moment == "conftest" else "",
            in_fixture=ask if moment == "fixture" else "pass",
        )
    }
    test = "from engines import SYNC, ask_now\n\n\ndef test_it():\n    pass\n"
    with CountingListener() as real:
        project = real_project(
            tmp_path, cache, real, test + (f"\n\n{ask}\n" if moment == "collection" else "")
        )
        project.write(files)
        off = project.run("-p", "no:oneloop")
        reached = real.accepted
        on = project.run()
        assert real.accepted == reached, on.output
    assert reached >= 1, off.output
    assert off.code != 0
    assert on.counts == {"passed": 1}, on.output


def test_migrations_do_not_reach_it(tmp_path: Path) -> None:
    with CountingListener() as real:
        project = real_project(tmp_path / "project", tmp_path / "cache", real, LEAN_TEST)
        on = project.run()
        assert real.accepted == 0
        assert "(template not built yet)" in on.header
        assert on.counts == {"passed": 2}, on.output
        by_hand = subprocess.run(
            [sys.executable, "-m", "alembic", "upgrade", "head"],
            cwd=project.folder,
            env={**os.environ, **project.environ},
            capture_output=True,
            timeout=projects.SECONDS,
            check=False,
        )
        assert by_hand.returncode != 0
        assert real.accepted >= 1


def test_a_refused_database_is_not_reached_either(tmp_path: Path, cache: Path) -> None:
    """No test database is to be had: the real one is no way out."""
    with CountingListener() as real:
        project = real_project(tmp_path, cache, real, TESTS)
        run = project.run(ONELOOP_SERVER="postgresql://me@127.0.0.1:1")
        assert real.accepted == 0
    assert "OL101" in run.output
    assert run.code == 1


CREATOR = """
import os

import psycopg
from sqlalchemy import create_engine, text


def test_creator():
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(os.environ["REAL"])
    )
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE harm ()"))
    engine.dispose()
"""


def test_engine_that_connects_by_itself_sends_nothing(
    tmp_path: Path, cache: Path, tcp_database: ServerAddress
) -> None:
    project = projects.lean(tmp_path, ONELOOP_CACHE_DIR=str(cache), REAL=conninfo(tcp_database))
    project.write({"test_notes.py": CREATOR})

    on = project.run()

    with psycopg.connect(conninfo(tcp_database)) as connection:
        seek = "SELECT count(*) FROM pg_class WHERE relname = 'harm'"
        assert connection.execute(seek).fetchone() == (0,), on.output
        off = project.run("-p", "no:oneloop")
        assert connection.execute(seek).fetchone() == (1,), off.output
    assert "OL205: an engine opened a connection of its own" in on.output
    assert on.counts == {"failed": 1}
    assert off.counts == {"passed": 1}
