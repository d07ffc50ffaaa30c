import pytest


@pytest.mark.asyncio
async def test_get(late_client):
    try:
        assert await late_client.get() == 200
    finally:
        late_client.close()
