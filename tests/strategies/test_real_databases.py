"""Tests with real commits, under every loop scope, runner and driver."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.attempts import take_runs

if TYPE_CHECKING:
    from tools.projects import Finished, Project

pytestmark = pytest.mark.server

ON_LOOPS = """
import asyncio

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from notes import Note, engine, new_session

pytestmark = pytest.mark.asyncio(loop_scope="SCOPE")
COUNT = text("SELECT count(*) FROM notes")


async def test_several_connections_at_once():
    async def own():
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_sleep(0.02)"))
            return await connection.scalar(text("SELECT pg_backend_pid()"))

    assert len(set(await asyncio.gather(own(), own(), own()))) == 3


@pytest.mark.parametrize("time", [1, 2])
async def test_what_is_committed_is_gone_afterwards(db_session, time):
    assert await db_session.scalar(COUNT) == 0
    async with new_session.begin() as session:
        session.add(Note(text="committed"))
    [note] = (await db_session.execute(text("SELECT id, text FROM notes"))).all()
    assert note == (1, "committed")


async def test_isolation_levels_are_real():
    serial = engine.execution_options(isolation_level="SERIALIZABLE")
    async with new_session.begin() as session:
        session.add_all([Note(text="a"), Note(text="b")])
    async with serial.connect() as one, serial.connect() as two:
        for connection in (one, two):
            await connection.execute(COUNT)
            await connection.execute(text("INSERT INTO notes (text) VALUES ('c')"))
        await one.commit()
        with pytest.raises(DBAPIError) as refused:
            await two.commit()
    assert refused.value.orig.sqlstate == "40001"


async def test_notifications_arrive():
    heard = asyncio.Queue()
    async with engine.connect() as one:
        raw = (await one.get_raw_connection()).driver_connection
        await raw.add_listener("news", lambda *message: heard.put_nowait(message[3]))
        async with engine.begin() as two:
            await two.execute(text("SELECT pg_notify('news', 'good')"))
        assert await asyncio.wait_for(heard.get(), 10) == "good"


async def test_after_commit_others_see_it():
    seen = []
    async with new_session() as session, engine.connect() as other:
        event.listen(session.sync_session, "after_commit", lambda _: seen.append("committed"))
        session.add(Note(text="x"))
        await session.flush()
        assert await other.scalar(COUNT) == 0
        assert seen == []
        await session.commit()
        assert seen == ["committed"]
        assert await other.scalar(COUNT) == 1


async def test_locks_are_between_connections():
    lock = text("SELECT pg_try_advisory_xact_lock(7)")
    async with engine.connect() as one, engine.connect() as two:
        assert await one.scalar(lock)
        assert not await two.scalar(lock)
        await one.rollback()
        assert await two.scalar(lock)
"""
OTHERS = """
import asyncio
import unittest

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from api import app
from notes import engine, new_session

INSERT = text("INSERT INTO notes (text) VALUES ('a')")
COUNT = text("SELECT count(*) FROM notes")
NOWHERE = "nobody@nowhere.invalid/nothing"


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.mark.anyio
async def test_anyio(db_session, client):
    assert (await client.post("/notes", params={"text": "a"})).json() == 1
    assert await db_session.scalar(COUNT) == 1


@pytest.mark.parametrize("time", [1, 2])
def test_client_of_starlette(time):
    with TestClient(app) as client:
        assert client.post("/notes", params={"text": "a"}).json() == 1
        assert client.post("/notes", params={"text": "b"}).json() == 2


def test_loops_that_come_and_go():
    async def write():
        async with new_session.begin() as session:
            await session.execute(INSERT)
            return await session.scalar(COUNT)

    assert [asyncio.run(write()) for _ in range(3)] == [1, 2, 3]


class TestCase(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        async with engine.begin() as connection:
            await connection.execute(INSERT)

    async def test_it(self):
        async with engine.connect() as connection:
            assert await connection.scalar(COUNT) == 1

    async def test_it_again(self):
        async with engine.connect() as connection:
            assert await connection.scalar(COUNT) == 1


@pytest.mark.parametrize("time", [1, 2])
@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_synchronous_drivers(driver, time):
    other = create_engine(f"postgresql+{driver}://{NOWHERE}")
    with other.begin() as connection:
        connection.execute(INSERT)
    with other.connect() as one, other.connect() as two:
        one.execute(INSERT)
        assert two.scalar(COUNT) == 1
        one.commit()
        assert two.scalar(COUNT) == 2
    other.dispose()


@pytest.mark.parametrize("time", [1, 2])
@pytest.mark.asyncio
async def test_asynchronous_psycopg(time, db_session):
    other = create_async_engine(f"postgresql+psycopg://{NOWHERE}")
    async with other.begin() as connection:
        await connection.execute(INSERT)
    assert await db_session.scalar(COUNT) == 1
    await other.dispose()
"""
FILES = {
    f"test_{scope}_loops.py": ON_LOOPS.replace("SCOPE", scope)
    for scope in ("function", "module", "session")
} | {"test_others.py": OTHERS}
PASSED = 3 * 7 + 12


@pytest.fixture
def real(project: Project) -> Project:
    project.write(FILES)
    project.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
    return project


def differences(project: Project) -> str:
    return (project.folder / "differences").read_text()


def run(project: Project, *options: str) -> Finished:
    return project.run("-p", "tools.probe", "-o", "asyncio_mode=strict", "-W", "error", *options)


@pytest.mark.parametrize(
    ("strategy", "workers"),
    [("commit", ()), ("clone", ()), ("clone", ("-n2",))],
    ids=["commit", "clone", "clone, two workers"],
)
def test_on_every_loop_and_driver(real: Project, strategy: str, workers: tuple[str, ...]) -> None:
    done = run(real, f"--oneloop-strategy={strategy}", *workers)
    assert done.counts == {"passed": PASSED}, done.output
    assert {tuple(runs) for runs in take_runs(real).values()} <= {
        (strategy,) * n for n in (1, 2, 3, 6)
    }
    assert differences(real) == ""


def test_under_rollback_alone_most_of_it_fails(real: Project) -> None:
    """The other way round: the tests above do need a real database."""
    options = ("-W", "default", "-k", "not notifications", "test_session_loops.py")
    done = run(real, "--oneloop-strategy=rollback", *options)
    assert done.counts == {"passed": 2, "failed": 4, "deselected": 1}, done.output


ALTERNATING = """
import pytest
from sqlalchemy import text

from notes import Note, engine, new_session

pytestmark = pytest.mark.asyncio(loop_scope="SCOPE")
STRATEGIES = ["rollback", "commit"] * 8


def pytest_generate_tests(metafunc):
    metafunc.parametrize(
        "number",
        [
            pytest.param(number, marks=pytest.mark.oneloop(strategy=strategy))
            for number, strategy in enumerate(STRATEGIES)
        ],
    )


async def test_it(number, oneloop):
    assert oneloop.strategy == STRATEGIES[number]
    async with new_session.begin() as session:
        session.add(Note(text="a"))
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT id FROM notes"))).all() == [(1,)]
"""


@pytest.mark.parametrize(("scope", "connections"), [("session", 2), ("function", 16)])
def test_each_kind_of_test_finds_its_connections_again(
    project: Project, scope: str, connections: int
) -> None:
    project.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
    project.write({"test_it.py": ALTERNATING.replace("SCOPE", scope)})
    done = run(project, "test_it.py")
    assert done.counts == {"passed": 16}, done.output
    assert differences(project) == ""
    assert (project.folder / "connections").read_text() == str(connections)
