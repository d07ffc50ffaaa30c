import pytest


async def count():
    return 1


@pytest.mark.asyncio
async def test_own_coroutine():
    counting = count()
    try:
        counting.get()
    finally:
        counting.close()
