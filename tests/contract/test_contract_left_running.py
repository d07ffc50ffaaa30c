"""A statement that a test leaves running does not hold up the tests after it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from tools.laboratory import Laboratory

# Far longer than the test may take: it passes only because nobody waits.
SLEEP = 600


async def sleep(engine: AsyncEngine, sql: str, begun: asyncio.Event) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("INSERT INTO item (id) VALUES (1)"))
        begun.set()
        await connection.execute(text(sql))


async def leave_running(engine: AsyncEngine, sql: str) -> asyncio.Task[None]:
    begun = asyncio.Event()
    task = asyncio.create_task(sleep(engine, sql, begun))
    await begun.wait()
    # Until the statement is on its way, perhaps by way of another thread.
    await asyncio.sleep(0.1)
    return task


async def write(engine: AsyncEngine, number: int) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("INSERT INTO item (id) VALUES (:id)"), {"id": number})


async def ids(engine: AsyncEngine) -> list[int]:
    async with engine.connect() as connection:
        return list(await connection.scalars(text("SELECT id FROM item ORDER BY id")))


async def outcome(task: asyncio.Task[None]) -> BaseException | None:
    (ended,) = await asyncio.gather(task, return_exceptions=True)
    return ended


@pytest.mark.needs("sleeping", "ended_sessions")
@pytest.mark.timeout(60)
@pytest.mark.parametrize("hosted", [False, True])
def test_the_next_test_goes_on_on_a_connection_of_its_own(
    async_lab: Laboratory, *, hosted: bool
) -> None:
    engine = async_lab.async_engine(pool_size=1, max_overflow=0)
    with asyncio.Runner() as runner:
        with async_lab.test("the one that leaves", hosted=hosted):
            left = runner.run(leave_running(engine, f"SELECT 1 FROM {async_lab.asleep(SLEEP)}"))
        for number in (1, 2):
            with async_lab.test("another", hosted=hosted) as sandbox:
                runner.run(write(engine, number))
                assert runner.run(ids(engine)) == [number]
            assert sandbox.problems == []
        error = runner.run(outcome(left))

    assert "OL207: in the one that leaves" in str(error)
    assert async_lab.router.connections == 2
