import asyncio

import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers

lock = asyncio.Lock()


async def hold():
    async with lock:
        await asyncio.sleep(0)


async def test_first():
    await asyncio.gather(hold(), hold())


@pytest.mark.asyncio(loop_scope="function")
@settings(max_examples=5, database=None)
@given(integers())
async def test_any_number(number):
    await asyncio.gather(hold(), hold())
