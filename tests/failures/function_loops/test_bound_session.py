import os

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("APPLICATION", "test")


@pytest_asyncio.fixture(scope="module")
async def database():
    engine = create_async_engine(os.environ["REAL_DATABASE"])
    async with engine.connect():
        pass
    yield engine
    await engine.dispose()


@pytest_asyncio.fixture
async def bound(database):
    async with async_sessionmaker(database)() as session:
        yield session


async def test_select(bound):
    await bound.execute(text("SELECT 1"))
