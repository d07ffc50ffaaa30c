import asyncio


async def migrate() -> None:
    pass


asyncio.run(migrate())
