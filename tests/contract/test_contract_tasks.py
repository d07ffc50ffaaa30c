"""Many tasks at once, each with its own session, on the one real connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker

from pytest_oneloop.errors.sandbox import InterleavedTransactionsError
from tools.item_sessions import Sessions, add, check, ids, run

if TYPE_CHECKING:
    from tools.laboratory import Laboratory

LONG = 20.0


def test_twenty_writers_leave_exactly_what_they_committed(async_lab: Laboratory) -> None:
    async def write(sessions: Sessions, number: int) -> None:
        async with sessions() as session:
            await session.execute(text("SELECT count(*) FROM item"))
            await add(session, number)
            await asyncio.sleep(number % 3 / 1000)
            await add(session, 100 + number)
            if number % 4 == 1:
                await session.rollback()
            elif number % 4 == 2:
                with pytest.raises(IntegrityError):
                    await add(session, number)
                await session.rollback()
            else:
                await session.commit()

    async def body(sessions: Sessions) -> None:
        await asyncio.gather(*(write(sessions, number) for number in range(20)))
        kept = [n for n in range(20) if n % 4 in (0, 3)]
        assert await ids(sessions) == kept + [100 + n for n in kept]

    check(async_lab, body)
    check(async_lab, body, pool_size=1, max_overflow=0)
    check(async_lab, body, pool_size=20)


@pytest.mark.needs("row_locks")
def test_one_session_may_stay_open_around_the_requests_of_its_task(async_lab: Laboratory) -> None:
    async def request(sessions: Sessions, number: int, *, commits: bool) -> None:
        async with sessions() as session:
            await session.execute(text("SELECT * FROM item FOR UPDATE"))
            await add(session, number)
            await (session.commit() if commits else session.rollback())

    async def body(sessions: Sessions) -> None:
        async with sessions() as reader:
            assert (await reader.scalars(text("SELECT id FROM item"))).all() == []
            await request(sessions, 1, commits=True)
            await request(sessions, 2, commits=False)
            await asyncio.gather(*(request(sessions, n, commits=n % 2 == 0) for n in range(3, 9)))
            seen = await reader.scalars(text("SELECT id FROM item ORDER BY id"))
            assert seen.all() == [1, 4, 6, 8]
        assert await ids(sessions) == [1, 4, 6, 8]

    check(async_lab, body)


def test_a_session_that_wrote_may_stay_open_around_requests(async_lab: Laboratory) -> None:
    async def request(sessions: Sessions, number: int) -> None:
        async with sessions() as session:
            await add(session, number)
            await session.commit()

    async def body(sessions: Sessions) -> None:
        async with sessions() as session:
            await add(session, 1)
            await request(sessions, 2)
            await asyncio.create_task(request(sessions, 3))
            await add(session, 4)
            await session.commit()
        assert await ids(sessions) == [1, 2, 3, 4]

    check(async_lab, body)


def test_a_failing_request_leaves_the_session_around_it_alone(async_lab: Laboratory) -> None:
    async def request(sessions: Sessions) -> None:
        async with sessions() as session:
            await add(session, 1)

    async def body(sessions: Sessions) -> None:
        async with sessions() as session:
            await add(session, 1)
            with pytest.raises(IntegrityError):
                await request(sessions)
            await add(session, 2)
            await session.commit()
        assert await ids(sessions) == [1, 2]

    check(async_lab, body)


@pytest.mark.needs("failing_transactions")
def test_a_failing_session_leaves_the_requests_inside_it_alone(async_lab: Laboratory) -> None:
    async def request(sessions: Sessions, number: int) -> None:
        async with sessions() as session:
            await add(session, number)
            await session.commit()

    async def body(sessions: Sessions) -> None:
        await request(sessions, 1)
        async with sessions() as session:
            await session.execute(text("SELECT 1"))
            with pytest.raises(IntegrityError):
                await add(session, 1)
            await request(sessions, 2)
            with pytest.raises(DBAPIError, match="current transaction is aborted"):
                await session.execute(text("SELECT 1"))
            await request(sessions, 3)
            await session.rollback()
            await add(session, 4)
            await session.commit()
        assert await ids(sessions) == [1, 2, 3, 4]

    check(async_lab, body)


def test_readers_never_wait_and_never_block(async_lab: Laboratory) -> None:
    async def body(sessions: Sessions) -> None:
        opened, release = asyncio.Event(), asyncio.Event()

        async def read_for_long() -> None:
            async with sessions() as session:
                await session.execute(text("SELECT * FROM item"))
                opened.set()
                await release.wait()
                await session.execute(text("SELECT * FROM item"))

        reader = asyncio.create_task(read_for_long())
        await opened.wait()
        loop = asyncio.get_running_loop()
        started = loop.time()
        for number in range(20):
            async with sessions() as session:
                await add(session, number)
                await session.commit()
        spent = loop.time() - started
        release.set()
        await reader
        # Each waiting for its patience with the reader would take 20 s.
        assert spent < 10

    check(async_lab, body)


def test_a_writer_that_is_idle_for_long_is_passed(async_lab: Laboratory) -> None:
    """Two tasks that wait for one another's application code go on after a while."""

    async def body(sessions: Sessions) -> None:
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

        await asyncio.wait_for(asyncio.gather(first(), second()), LONG)
        assert await ids(sessions) == [1, 2]

    check(async_lab, body)


def test_what_cannot_be_rolled_back_alone_is_refused(async_lab: Laboratory) -> None:
    async def body(sessions: Sessions) -> None:
        async with sessions() as outer:
            # Here, not in `add`: the error names the line that began the transaction.
            await outer.execute(text("INSERT INTO item (id) VALUES (1)"))
            async with sessions() as inner:
                await add(inner, 2)
                await inner.commit()
            with pytest.raises(InterleavedTransactionsError):
                await outer.rollback()
        # What is in the database is no longer what the application believes.
        with pytest.raises(InterleavedTransactionsError):
            await ids(sessions)

    engine = async_lab.async_engine()
    with async_lab.test("test_both") as sandbox:
        asyncio.run(run(engine, body))
    (problem, *_) = sandbox.problems
    assert isinstance(problem, InterleavedTransactionsError)
    assert problem.test == "test_both"
    assert "test_contract_tasks.py" in problem.place
    with async_lab.test("test_next") as sandbox:
        assert asyncio.run(_next(engine)) == []
    assert sandbox.problems == []


async def _next(engine: AsyncEngine) -> list[int]:
    return await ids(async_sessionmaker(engine))


def test_a_tasks_commit_at_the_end_of_another_is_kept(async_lab: Laboratory) -> None:
    """A background task begins before its request has ended, and ends after it."""

    async def background(sessions: Sessions, go: asyncio.Event) -> None:
        async with sessions() as session:
            await session.execute(text("SELECT count(*) FROM item"))
            await go.wait()
            await add(session, 2)
            await session.commit()

    async def body(sessions: Sessions) -> None:
        go = asyncio.Event()
        async with sessions() as session:
            await add(session, 1)
            task = asyncio.create_task(background(sessions, go))
            await asyncio.sleep(0)
            await session.commit()
        go.set()
        await task
        assert await ids(sessions) == [1, 2]

    check(async_lab, body)
