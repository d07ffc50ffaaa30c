import os

import asyncpg
import pytest_asyncio


@pytest_asyncio.fixture(scope="module")
async def pool():
    pool = await asyncpg.create_pool(os.environ["REAL_DSN"], min_size=1, max_size=1)
    yield pool
    pool.terminate()


async def test_select(pool):
    async with pool.acquire() as connection:
        await connection.fetch("SELECT 1")
