import pytest
from fastapi import FastAPI

from shop.main import app


@pytest.fixture(scope="session")
def oneloop_app():
    outer = FastAPI()
    outer.mount("/shop", app)
    return outer


@pytest.mark.parametrize("time", [1, 2])
async def test_mine(client, oneloop, time):
    ada = {"email": "ada@example.org", "name": "Ada"}
    assert (await client.post("/shop/customers", json=ada)).status_code == 201
    assert (await client.post("/customers", json=ada)).status_code == 404
    async with oneloop.client() as another:
        assert len((await another.get("/shop/customers")).json()) == 1
