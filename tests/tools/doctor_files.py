"""The files of the small projects that the doctor reads in tests."""

from __future__ import annotations

ONE_LOOP = """
[pytest]
pythonpath = .
asyncio_mode = auto
asyncio_default_test_loop_scope = session
asyncio_default_fixture_loop_scope = session
"""

LOOPS_OF_TESTS = """
[pytest]
pythonpath = .
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
"""

STRICT = """
[pytest]
pythonpath = .
asyncio_mode = strict
asyncio_default_fixture_loop_scope = function
"""

DATABASE = """
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

engine = create_async_engine("postgresql+asyncpg://app@db.invalid/app")
new_session = async_sessionmaker(engine)


async def get_session():
    async with new_session() as session:
        yield session
"""

ENGINE = """
import pytest
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine


@pytest.fixture{arguments}
async def engine():
    engine = create_async_engine("postgresql+asyncpg://app@db.invalid/app"{options})
    yield engine
    await engine.dispose()


@pytest.fixture
async def session(engine):
    async with AsyncSession(engine) as session:
        yield session
"""
LASTING = '(scope="session")'

TESTS = """
from sqlalchemy import text


async def test_one(session):
    await session.execute(text("SELECT 1"))


async def test_two(session):
    await session.execute(text("SELECT 2"))
"""
COMMITS = TESTS.replace("SELECT 1", "INSERT INTO t VALUES (1)") + "    await session.commit()\n"

ROLLED_BACK = (
    ENGINE.format(arguments=LASTING, options="").partition("\n\n\n@pytest.fixture\nasync def s")[0]
    + """


@pytest.fixture
async def connection(engine):
    async with engine.connect() as connection:
        transaction = await connection.begin()
        yield connection
        await transaction.rollback()


@pytest.fixture
async def session(connection):
    async with AsyncSession(connection, join_transaction_mode="create_savepoint") as session:
        yield session
"""
)

TABLES = """

@pytest.fixture{arguments}
async def tables(engine):
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
"""
BASE = "from sqlalchemy.orm import DeclarativeBase\n\n\nclass Base(DeclarativeBase):\n    pass\n"

MARKED = """
import pytest

{before}

@pytest.mark.asyncio{scope}
async def test_one(): ...


@pytest.mark.asyncio{scope}
async def test_two(): ...


@pytest.mark.asyncio{scope}
async def test_three(): ...
"""

EVENT_LOOP = """
import asyncio

import pytest


@pytest.fixture(scope="session")
def event_loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()
"""

API = """
from fastapi import Depends, FastAPI

from database import get_session, new_session

app = FastAPI()


@app.get("/")
async def home(session=Depends(get_session)):
    return 1
"""

OWN_SESSION = """

@app.middleware("http")
async def log(request, call_next):
    async with new_session.begin() as session:
        session.add(request.app.entry)
    return await call_next(request)
"""

OVERRIDE = """
import pytest
from httpx import ASGITransport, AsyncClient
from sqlalchemy.ext.asyncio import AsyncSession

from api import app
from database import engine, get_session, new_session


@pytest.fixture
async def session():
    async with engine.connect() as connection:
        await connection.begin()
        new_session.configure(bind=None)
        async with AsyncSession(connection) as session:
            yield session


@pytest.fixture
async def client(session):
    app.dependency_overrides[get_session] = lambda: session
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        yield client
    app.dependency_overrides.clear()
"""

CALLS = """
async def test_one(client):
    assert (await client.get("/")).json() == 1


async def test_two(client):
    assert (await client.get("/")).json() == 1
"""

SYNC_CALLS = """
import pytest
from fastapi.testclient import TestClient

from api import app


@pytest.fixture
def client():
    return TestClient(app)


def test_one(client, session):
    assert client.get("/").json() == 1
"""


LASTING_ENGINE = ENGINE.format(arguments=LASTING, options="")
DIRECT = "from database import new_session\n" + TESTS.replace(
    "(session):\n", "():\n  async with new_session() as session:\n"
)
