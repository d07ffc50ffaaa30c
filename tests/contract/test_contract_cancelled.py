"""Tasks that are cancelled, each with its own session, on the one real connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from tools.item_sessions import Sessions, add, check, ids

if TYPE_CHECKING:
    from tools.laboratory import Laboratory


@pytest.mark.needs("sleeping", "cancelled_statements")
@pytest.mark.parametrize("written", [False, True])
def test_a_cancelled_statement_is_rolled_back_and_all_goes_on(
    async_lab: Laboratory,
    written: bool,  # noqa: FBT001 - a parameter of pytest
) -> None:
    async def sleep(sessions: Sessions, limit: asyncio.Timeout) -> None:
        async with sessions() as session:
            if written:
                await add(session, 1)
            limit.reschedule(asyncio.get_running_loop().time() + 0.05)
            await session.execute(text(f"SELECT 1 FROM {async_lab.asleep(30)}"))

    async def body(sessions: Sessions) -> None:
        # To connect takes a while, in which Python 3.11 may lose a cancellation (`wait_for`).
        assert await ids(sessions) == []
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(None) as limit:
                await sleep(sessions, limit)
        async with sessions() as session:
            await add(session, 2)
            await session.commit()
        assert await ids(sessions) == [2]

    check(async_lab, body)
    check(async_lab, body, pool_size=1, max_overflow=0)


@pytest.mark.needs("sleeping", "cancelled_statements")
def test_a_cancelled_statement_leaves_the_session_around_it_alone(async_lab: Laboratory) -> None:
    async def sleep(sessions: Sessions) -> None:
        async with sessions() as session:
            await add(session, 5)
            await session.execute(text(f"SELECT 1 FROM {async_lab.asleep(30)}"))

    async def body(sessions: Sessions) -> None:
        async with sessions() as session:
            await add(session, 1)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await sleep(sessions)
            await add(session, 2)
            await session.commit()
        assert await ids(sessions) == [1, 2]

    check(async_lab, body)


@pytest.mark.needs("cancelled_statements")
def test_cancelling_at_any_moment_never_corrupts(async_lab: Laboratory) -> None:
    """Cancelled after every number of steps of its loop, a request leaves all or nothing."""

    async def request(sessions: Sessions, number: int) -> None:
        async with sessions() as session:
            await session.execute(text("SELECT count(*) FROM item"))
            await add(session, number)
            await add(session, 1000 + number)
            await session.commit()

    async def body(sessions: Sessions) -> None:
        committed = []
        for steps in range(40):
            task = asyncio.create_task(request(sessions, steps))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            (result,) = await asyncio.gather(task, return_exceptions=True)
            assert result is None or isinstance(result, asyncio.CancelledError)
            if result is None:
                committed.append(steps)
            async with sessions() as session:
                await add(session, 5000 + steps)
                await session.commit()
        found = await ids(sessions)
        small = [n for n in found if n < 1000]
        assert [n + 1000 for n in small] == [n for n in found if 1000 <= n < 5000]
        assert set(committed) <= set(small)
        assert [n for n in found if n >= 5000] == [5000 + n for n in range(40)]

    check(async_lab, body)
