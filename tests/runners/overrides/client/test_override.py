import pytest
from httpx import ASGITransport, AsyncClient

from shop.main import app


@pytest.fixture
async def client():
    async with AsyncClient(transport=ASGITransport(app), base_url="http://mine") as mine:
        yield mine


@pytest.mark.parametrize("time", [1, 2])
async def test_mine(client, time):
    assert client.base_url.host == "mine"
    ada = {"email": "ada@example.org", "name": "Ada"}
    assert (await client.post("/customers", json=ada)).status_code == 201
