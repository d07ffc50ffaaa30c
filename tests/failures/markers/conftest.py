import asyncio

import pytest_asyncio


@pytest_asyncio.fixture(scope="session")
async def answer():
    return asyncio.get_running_loop().create_future()


@pytest_asyncio.fixture(scope="session")
async def gate():
    event = asyncio.Event()
    waiting = asyncio.ensure_future(event.wait())
    await asyncio.sleep(0)
    yield event
    event.set()
    await waiting


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_answer():
    return asyncio.get_running_loop().create_future()
