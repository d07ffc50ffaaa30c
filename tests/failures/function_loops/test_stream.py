import asyncio

import pytest


class Client:
    def __init__(self, writer):
        self.writer = writer

    async def stop(self):
        self.writer.close()


@pytest.fixture(scope="module")
def clients():
    return {}


async def test_one(clients, web_port):
    clients["web"] = Client((await asyncio.open_connection("127.0.0.1", web_port))[1])


async def test_two(clients):
    await clients["web"].stop()
