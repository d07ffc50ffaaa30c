import anyio


async def load():
    return [1]


def load_all():
    return anyio.run(load)


async def test_load():
    assert load_all() == [1]
