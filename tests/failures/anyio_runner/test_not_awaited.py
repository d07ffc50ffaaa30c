import pytest


class Client:
    async def get(self):
        return 200


@pytest.fixture
async def client():
    return Client()


def test_get(client):
    client.get()
