import asyncio
from unittest import IsolatedAsyncioTestCase

lock = asyncio.Lock()


async def hold():
    async with lock:
        await asyncio.sleep(0)


class HoldTest(IsolatedAsyncioTestCase):
    async def test_one(self):
        await asyncio.gather(hold(), hold())

    async def test_two(self):
        await asyncio.gather(hold(), hold())
