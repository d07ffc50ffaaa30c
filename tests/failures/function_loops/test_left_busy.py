import os

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine


@pytest_asyncio.fixture(scope="module")
async def database():
    engine = create_async_engine(os.environ["REAL_DATABASE"])
    async with engine.connect():
        pass
    yield engine
    await engine.dispose()


async def test_one(database):
    async with AsyncSession(database) as session:
        with pytest.raises(RuntimeError, match="different loop"):
            await session.execute(text("SELECT 1"))


async def test_two(database):
    async with AsyncSession(database) as session:
        await session.execute(text("SELECT 1"))
