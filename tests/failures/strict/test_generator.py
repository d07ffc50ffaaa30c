import pytest


@pytest.mark.asyncio
async def test_rows(streamed):
    assert await streamed == [1]
