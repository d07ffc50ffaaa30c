import asyncio
import os

import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine


@pytest_asyncio.fixture
async def session():
    engine = create_async_engine(os.environ["REAL_DATABASE"])
    async with AsyncSession(engine) as session:
        yield session
    await engine.dispose()


async def handle_request(session):
    await session.execute(text("SELECT pg_sleep(0.05)"))


async def test_requests(session):
    await asyncio.gather(handle_request(session), handle_request(session))
