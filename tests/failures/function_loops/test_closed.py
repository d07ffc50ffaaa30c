import redis.asyncio

clients = {}


def client(port):
    return clients.setdefault("redis", redis.asyncio.Redis(port=port))


async def test_one(redis_port):
    await client(redis_port).ping()


async def test_two(redis_port):
    await client(redis_port).ping()
