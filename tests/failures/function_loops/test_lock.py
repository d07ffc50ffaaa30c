import asyncio

lock = asyncio.Lock()


async def hold():
    async with lock:
        await asyncio.sleep(0)


async def test_one():
    await asyncio.gather(hold(), hold())


async def test_two():
    await asyncio.gather(hold(), hold())
