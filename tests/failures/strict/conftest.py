import pytest


class Client:
    async def get(self):
        return 200


@pytest.fixture
async def client():
    return Client()


async def connect():
    return Client()


@pytest.fixture
def late_client():
    return connect()


@pytest.fixture
def streamed():
    async def rows():
        yield 1

    return rows()
