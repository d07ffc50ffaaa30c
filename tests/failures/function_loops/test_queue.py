import asyncio

import pytest_asyncio


@pytest_asyncio.fixture(scope="module")
async def jobs():
    queue = asyncio.Queue()
    worker = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    yield queue
    worker.cancel()


async def test_work(jobs):
    await jobs.get()
