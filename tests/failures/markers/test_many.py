import asyncio

import pytest

lock = asyncio.Lock()


async def hold():
    async with lock:
        await asyncio.sleep(0)


@pytest.mark.parametrize("number", range(3))
async def test_count(number):
    pass


async def test_hold():
    await asyncio.gather(hold(), hold())


@pytest.mark.asyncio(loop_scope="module")
async def test_hold_again():
    await asyncio.gather(hold(), hold())
