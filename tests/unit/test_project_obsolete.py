"""What of a hand-written `conftest.py` is named as unnecessary, and what is not."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import pytest_oneloop
from pytest_oneloop.project.discovery import discover
from tools.projects import Project

SETUPS = Path(pytest_oneloop.__file__).parent / "demo" / "setups"
NEEDED = """
import pytest
from fastapi.testclient import TestClient
from httpx import AsyncClient
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from main import app, current_user


@pytest.fixture
def engine():
    engine = create_engine("postgresql://localhost/test")
    Base.metadata.create_all(engine)
    return engine


@pytest.fixture
def session(engine):
    with Session(engine) as session:
        yield session


@pytest.fixture
def client():
    return TestClient(app)


@pytest.fixture
async def logged_in():
    async with AsyncClient(base_url="https://example.com") as client:
        await client.post("/login")
        yield client


@pytest.fixture
async def elsewhere():
    async with AsyncClient(base_url="https://example.com") as client:
        yield client


@pytest.fixture
def anyio_backend():
    return "asyncio"
"""
OBSOLETE = """
import pytest, pytest_asyncio
from httpx import ASGITransport, AsyncClient
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from shop.main import app
from shop.security import current_user
from shop.db import Base, get_session

engine = create_async_engine("postgresql+asyncpg://localhost/test")
TestingSession = async_sessionmaker(engine)


@pytest.fixture(scope="session")
def event_loop():
    yield 1


@pytest_asyncio.fixture
async def tables():
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)


@pytest_asyncio.fixture
async def connection():
    async with engine.connect() as connection:
        transaction = await connection.begin()
        yield connection
        await transaction.rollback()


@pytest.fixture
async def session(connection):
    async with TestingSession(bind=connection) as session:
        yield session


async def override():
    async with TestingSession() as session:
        yield session


app.dependency_overrides[get_session] = override
app.dependency_overrides[current_user] = lambda: "ada"


@pytest.fixture
async def client():
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        yield client


@pytest.fixture
async def admin(client):
    app.dependency_overrides[current_user] = lambda: "admin"
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        yield client


@pytest.fixture
async def customer(session):
    session.add(1)


@pytest.fixture
def settings():
    return {}
"""


def test_what_can_be_deleted(tmp_path: Path) -> None:
    Project(tmp_path).write(
        {
            "tests/conftest.py": OBSOLETE,
            "shop/db.py": "def get_session(): pass\n",
            "pytest.ini": "",
        }
    )
    assert [(one.place.line, one.name, one.successor) for one in discover(tmp_path).obsolete] == [
        (9, "engine", None),
        (10, "TestingSession", None),
        (13, "event_loop", None),
        (18, "tables", None),
        (24, "connection", None),
        (32, "session", "db_session"),
        (38, "override", None),
        (43, "app.dependency_overrides[get_session] = override", None),
        (47, "client", "client"),
    ]


@pytest.mark.parametrize("number", range(1, 8))
def test_every_fixture_of_the_set_ups_that_people_write(tmp_path: Path, number: int) -> None:
    shutil.copytree(SETUPS / f"setup_{number}", tmp_path / "x")
    shutil.copy(SETUPS / "app.py", tmp_path / "x")
    found = discover(tmp_path / "x").obsolete
    text = (tmp_path / "x" / "conftest.py").read_text()
    assert [one.name for one in found] == re.findall(r"^(?:async )?def (\w+)", text, re.MULTILINE)


def test_what_the_plugin_does_not_replace_stays(tmp_path: Path) -> None:
    Project(tmp_path).write({"conftest.py": NEEDED, "pytest.ini": ""})
    assert discover(tmp_path).obsolete == []


MORE = """
from httpx import ASGITransport, AsyncClient
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from main import app, fill, make_tables

elsewhere = create_async_engine("sqlite+aiosqlite://")


@pytest.fixture
async def engine_with_extension():
    engine = create_async_engine("postgresql+asyncpg://localhost/test")
    async with engine.begin() as connection:
        await connection.execute(text("CREATE EXTENSION pg_trgm"))
    yield engine


@pytest.fixture
async def engine():
    engine = create_async_engine("postgresql+asyncpg://localhost/test")
    async with engine.begin() as connection:
        await connection.execute(text("DROP SCHEMA public"))
        await connection.run_sync(Base.metadata.create_all)
    await make_tables(engine)
    yield engine


@pytest.fixture
async def other_db():
    yield create_async_engine("sqlite+aiosqlite://")


@pytest.fixture
async def session_with_rows(engine):
    async with async_sessionmaker(engine)() as session:
        session.add(Role())
        await session.commit()
        yield session


@pytest.fixture
async def filled_session(engine):
    async with async_sessionmaker(engine)() as session:
        await fill(session)
        yield session


@pytest.fixture
async def session(engine):
    async with async_sessionmaker(engine)() as session:
        yield session
        await session.execute(text("UPDATE role SET name = 1"))
        await session.commit()


@pytest.fixture
async def with_path():
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test/v1") as client:
        yield client


@pytest.fixture
async def with_cookies():
    async with AsyncClient(transport=ASGITransport(app), cookies={"a": "b"}) as client:
        yield client


@pytest.fixture
async def quiet():
    async with AsyncClient(transport=ASGITransport(app, raise_app_exceptions=False)) as client:
        yield client


@pytest.fixture
async def with_header():
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test/") as client:
        client.headers["x-key"] = "1"
        yield client


@pytest.fixture
async def client():
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test/") as client:
        yield client
"""
MAIN = """
async def fill(session):
    session.add(1)

async def make_tables(engine):
    await connection.run_sync(Base.metadata.create_all)
"""


def test_a_fixture_that_does_more_stays(tmp_path: Path) -> None:
    Project(tmp_path).write({"conftest.py": MORE, "main.py": MAIN, "pytest.ini": ""})
    names = [one.name for one in discover(tmp_path).obsolete]
    assert names == ["engine", "session", "client"]
