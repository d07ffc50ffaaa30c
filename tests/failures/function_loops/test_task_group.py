import anyio
import pytest_asyncio


@pytest_asyncio.fixture
async def workers():
    async with anyio.create_task_group() as group:
        yield group


async def test_work(workers):
    workers.start_soon(anyio.sleep, 0)
