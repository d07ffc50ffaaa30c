import pytest


@pytest.mark.asyncio
async def test_status(late_client):
    try:
        assert late_client == 200
    finally:
        late_client.close()
