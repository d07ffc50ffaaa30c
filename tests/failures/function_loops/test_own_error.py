import asyncio


async def test_shut():
    raise RuntimeError("Event loop is closed")


async def test_bound():
    raise RuntimeError("<the queue> is bound to a different event loop")


async def test_none():
    value = asyncio.get_running_loop() and None
    value.get()


async def test_handled():
    try:
        int("x")
    except ValueError:
        raise RuntimeError("asyncio.run() cannot be called from a running event loop") from None
