"""What of a hand-written `conftest.py` is named as unnecessary, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_oneloop.project.discovery import discover
from tools.projects import Project

if TYPE_CHECKING:
    from pathlib import Path

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
