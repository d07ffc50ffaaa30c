import asyncio

import pytest

queue = asyncio.Queue()


async def hold(lock):
    await lock.acquire()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(lock.acquire(), 0.01)


@pytest.fixture
def lock():
    lock = asyncio.Lock()
    asyncio.run(hold(lock))
    return lock


@pytest.fixture
def loop():
    loop = asyncio.new_event_loop()
    with pytest.raises(TimeoutError):
        loop.run_until_complete(asyncio.wait_for(queue.get(), 0.01))
    yield loop
    loop.close()


@pytest.fixture
def first(gate):
    asyncio.run(gate.wait())


async def test_lock(lock):
    await lock.acquire()


async def test_queue(loop):
    await queue.get()


def test_gate(first):
    pass
