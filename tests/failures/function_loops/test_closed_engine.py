import os

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

database = create_async_engine(os.environ["REAL_DATABASE"])


async def test_one():
    async with database.connect() as connection:
        await connection.execute(text("SELECT 1"))


async def test_two():
    async with database.connect() as connection:
        await connection.execute(text("SELECT 1"))
