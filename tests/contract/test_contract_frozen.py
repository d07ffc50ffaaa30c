"""Waiting ends although a test has stopped the clock, and with it the timers of its loop."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING
from unittest.mock import patch

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from pytest_oneloop.sandbox.clock import Clock

if TYPE_CHECKING:
    from tools.laboratory import Laboratory

LONG = 20.0


async def add(session: AsyncSession, number: int) -> None:
    await session.execute(text("INSERT INTO item (id) VALUES (:id)"), {"id": number})


async def two_writers(engine: AsyncEngine) -> list[int]:
    """Let a task write while another one that has written waits for its end."""
    sessions = async_sessionmaker(engine)
    wrote, done = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with sessions() as session:
            await add(session, 1)
            wrote.set()
            await done.wait()
            await session.commit()

    async def second() -> None:
        await wrote.wait()
        async with sessions() as session:
            await add(session, 2)
            await session.commit()
        done.set()

    with patch("time.monotonic", return_value=time.monotonic()):
        both = asyncio.gather(first(), second())
        until = Clock.now() + LONG
        while not both.done() and Clock.now() < until:
            await asyncio.to_thread(time.sleep, 0.01)
        went_on = both.done()
    if not went_on:
        both.cancel()
    assert went_on
    await both
    async with sessions() as session:
        return list(await session.scalars(text("SELECT id FROM item ORDER BY id")))


def test_a_writer_that_is_idle_for_long_is_passed_when_the_clock_stands_still(
    async_lab: Laboratory,
) -> None:
    engine = async_lab.async_engine()
    with async_lab.test() as sandbox:
        assert asyncio.run(two_writers(engine)) == [1, 2]
    assert sandbox.problems == []
