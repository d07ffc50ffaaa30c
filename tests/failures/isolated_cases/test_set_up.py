import asyncio
from unittest import IsolatedAsyncioTestCase

lock = asyncio.Lock()


async def hold():
    async with lock:
        await asyncio.sleep(0)


class HoldTest(IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        await asyncio.gather(hold(), hold())

    async def test_one(self):
        pass

    async def test_two(self):
        pass
