"""A test that waits for a notification does not wait in the sandbox, where none comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.attempts import take_runs, told

if TYPE_CHECKING:
    from tools.projects import Project

pytestmark = pytest.mark.server

HEARD = "LISTEN and NOTIFY need commits"

WAITING = """
import asyncio

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from notes import engine

NOWHERE = "postgresql+psycopg://nobody@nowhere.invalid/nothing"


@pytest.fixture
async def psycopg_engine():
    engine = create_async_engine(NOWHERE)
    yield engine
    await engine.dispose()


@pytest.fixture
def synchronous_engine():
    engine = create_engine(NOWHERE)
    yield engine
    engine.dispose()


async def test_asyncpg():
    heard = asyncio.Queue()
    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        await driver.add_listener("news", lambda *told: heard.put_nowait(told[3]))
        async with engine.begin() as other:
            await other.execute(text("SELECT pg_notify('news', 'hello')"))
        assert await heard.get() == "hello"
        await connection.invalidate()


async def test_psycopg(psycopg_engine):
    async with psycopg_engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        driver = (await connection.get_raw_connection()).driver_connection
        assert isinstance(driver, psycopg.AsyncConnection)
        await driver.execute("LISTEN news")
        async with psycopg_engine.begin() as other:
            await other.execute(text("SELECT pg_notify('news', 'hello')"))
        assert [told.payload async for told in driver.notifies(stop_after=1)] == ["hello"]
        await connection.invalidate()


def test_synchronous_psycopg(synchronous_engine):
    with synchronous_engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        driver = connection.connection.driver_connection
        driver.execute("LISTEN news")
        with synchronous_engine.begin() as other:
            other.execute(text("SELECT pg_notify('news', 'hello')"))
        assert [told.payload for told in driver.notifies(stop_after=1)] == ["hello"]
        connection.invalidate()
"""

FEED = """
import asyncio

from fastapi import WebSocket
from sqlalchemy import text

from api import app
from notes import engine


@app.websocket("/feed")
async def feed(websocket: WebSocket):
    heard = asyncio.Queue()
    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        await driver.add_listener("news", lambda *told: heard.put_nowait(told[3]))
        await websocket.accept()
        await websocket.send_text(await heard.get())
        await connection.invalidate()


@app.post("/news")
async def news(message: str):
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_notify('news', :it)"), {"it": message})
"""

THROUGH_A_WEBSOCKET = """
import feed
from fastapi.testclient import TestClient


def test_the_feed():
    with TestClient(feed.app) as client, client.websocket_connect("/feed") as watching:
        client.post("/news", params={"message": "hello"})
        assert watching.receive_text() == "hello"
"""

FROM_ITS_START = """
from contextlib import asynccontextmanager

from api import app
from notes import engine


@asynccontextmanager
async def lifespan(_app):
    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        await driver.add_listener("news", print)
        yield
        await connection.invalidate()


app.router.lifespan_context = lifespan


async def test_it_writes(client):
    answer = await client.post("/notes", params={"text": "hello"})
    assert answer.json() == 1
"""


def test_each_driver_refuses_to_wait_in_the_sandbox(project: Project) -> None:
    project.write({"test_waiting.py": WAITING})
    names = ("test_asyncpg", "test_psycopg", "test_synchronous_psycopg")

    first = project.run("-W", "error")
    assert first.counts == {"passed": 3}, first.output
    assert take_runs(project) == {name: ["rollback", "commit"] for name in names}
    assert told(first, "test_waiting.py") == dict.fromkeys(names, f"commit: {HEARD}")

    second = project.run("-W", "error")
    assert second.counts == {"passed": 3}, second.output
    assert take_runs(project) == {name: ["commit"] for name in names}


def test_under_rollback_it_would_wait(project: Project) -> None:
    project.write(
        {"test_waiting.py": WAITING.replace("heard.get()", "asyncio.wait_for(heard.get(), 1)")}
    )

    done = project.run("--oneloop-strategy=rollback", "-k", "asyncpg")

    assert done.counts == {"failed": 1, "deselected": 2}, done.output
    assert "TimeoutError" in done.output


def test_a_websocket_of_the_test_client(project: Project) -> None:
    project.write({"feed.py": FEED, "test_feed.py": THROUGH_A_WEBSOCKET})

    done = project.run("-W", "error")

    assert done.counts == {"passed": 1}, done.output
    assert told(done, "test_feed.py") == {"test_the_feed": f"commit: {HEARD}"}


def test_an_application_that_listens_from_its_start_stays_in_the_sandbox(project: Project) -> None:
    project.write({"test_start.py": FROM_ITS_START})

    done = project.run("-W", "error")

    assert done.counts == {"passed": 1}, done.output
    assert take_runs(project) == {"test_it_writes": ["rollback"]}
