import asyncio

import pytest_asyncio


@pytest_asyncio.fixture(scope="module")
async def answer():
    return asyncio.get_running_loop().create_future()


async def test_answer(answer):
    await answer
