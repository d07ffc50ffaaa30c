import asyncio
import os

import asyncpg
import pytest_asyncio


@pytest_asyncio.fixture
async def connection():
    connection = await asyncpg.connect(os.environ["REAL_DSN"])
    yield connection
    await connection.close()


async def read(connection):
    await connection.fetchval("SELECT pg_sleep(0.05)")


async def test_at_once(connection):
    await asyncio.gather(read(connection), read(connection))
