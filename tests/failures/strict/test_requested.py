import pytest


@pytest.mark.asyncio
async def test_get(client):
    assert await client.get() == 200
