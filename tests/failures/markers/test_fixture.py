import pytest_asyncio


@pytest_asyncio.fixture(loop_scope="function")
async def heard(answer):
    return await answer


async def test_heard(heard):
    pass
