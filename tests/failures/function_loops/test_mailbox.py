import asyncio

boxes = []


class Mailbox:
    def __init__(self):
        self._loop = asyncio.get_running_loop()
        self.answer = self._loop.create_future()


class Reader:
    def __init__(self):
        self.lock = asyncio.Lock()

    async def read(self, box):
        async with self.lock:
            await box.answer


async def test_one():
    boxes.append(Mailbox())


async def test_two():
    await Reader().read(boxes[0])
