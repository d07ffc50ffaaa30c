import asyncio
import os

import httpx
import pytest
import pytest_asyncio
import redis.asyncio
import servers
from models import Base
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine


@pytest.fixture(scope="session")
def redis_port():
    with servers.redis() as port:
        yield port


@pytest.fixture(scope="session")
def web_port():
    with servers.web() as port:
        yield port


@pytest_asyncio.fixture(scope="module")
async def cache(redis_port):
    client = redis.asyncio.Redis(port=redis_port)
    await client.ping()
    return client


@pytest_asyncio.fixture(scope="module")
async def http(web_port):
    client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{web_port}")
    await client.get("/")
    return client


@pytest_asyncio.fixture(scope="session")
async def engine():
    engine = create_async_engine(os.environ["REAL_DATABASE"])
    async with engine.connect():
        pass
    yield engine
    await engine.dispose()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def gate():
    event = asyncio.Event()
    waiting = asyncio.ensure_future(event.wait())
    await asyncio.sleep(0)
    yield event
    event.set()
    await waiting


@pytest_asyncio.fixture
async def session():
    engine = create_async_engine(os.environ["REAL_DATABASE"])
    async with engine.connect() as connection:
        transaction = await connection.begin()
        await connection.run_sync(Base.metadata.create_all)
        async with AsyncSession(connection) as session:
            yield session
        await transaction.rollback()
    await engine.dispose()
