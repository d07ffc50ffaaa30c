import asyncio

import pytest

lock = asyncio.Lock()


async def hold():
    async with lock:
        await asyncio.sleep(0)


@pytest.mark.anyio
async def test_one():
    await asyncio.gather(hold(), hold())


@pytest.mark.anyio
async def test_two():
    await asyncio.gather(hold(), hold())
