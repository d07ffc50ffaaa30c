import asyncio

import pytest


@pytest.fixture
def started():
    async def start():
        return asyncio.get_running_loop().create_future()

    return asyncio.run(start())


async def test_started(started):
    await started
