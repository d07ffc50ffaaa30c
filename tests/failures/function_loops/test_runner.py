import asyncio


async def load():
    return [1]


async def test_load():
    with asyncio.Runner() as runner:
        assert runner.run(load()) == [1]
