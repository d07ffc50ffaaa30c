import asyncio

import pytest
import pytest_asyncio


@pytest.mark.asyncio(loop_scope="class")
class TestQueue:
    @pytest_asyncio.fixture
    async def queue(self):
        queue = asyncio.Queue()
        worker = asyncio.ensure_future(queue.get())
        await asyncio.sleep(0)
        yield queue
        worker.cancel()

    async def test_get(self, queue):
        await queue.get()
