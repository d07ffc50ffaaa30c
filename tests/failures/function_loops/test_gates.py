import asyncio
import contextlib

import httpx
from fastapi import FastAPI

app = FastAPI()
gates = {"open": asyncio.Event()}


@app.get("/")
async def wait():
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(gates["open"].wait(), 0.01)


async def call():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        await client.get("/")


async def test_one():
    await call()


async def test_two():
    await call()
