"""Many tasks at once, each with its own session, on the one real connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from pytest_oneloop.errors.sandbox import InterleavedTransactionsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tools.laboratory import Laboratory

Sessions = async_sessionmaker[AsyncSession]
Body = "Callable[[Sessions], Awaitable[None]]"

LONG = 20.0


def check(lab: Laboratory, body: Callable[[Sessions], Awaitable[None]], **options: Any) -> None:
    """Run a body twice, as two tests on two loops, that leave no problem."""
    engine = lab.async_engine(**options)
    for number in range(2):
        with lab.test(f"test_{number}") as sandbox:
            asyncio.run(_run(engine, body))
        assert sandbox.problems == []


async def _run(engine: AsyncEngine, body: Callable[[Sessions], Awaitable[None]]) -> None:
    await body(async_sessionmaker(engine, expire_on_commit=False))


async def add(session: AsyncSession, number: int) -> None:
    await session.execute(text("INSERT INTO item (id) VALUES (:id)"), {"id": number})


async def ids(sessions: Sessions) -> list[int]:
    async with sessions() as session:
        return list(await session.scalars(text("SELECT id FROM item ORDER BY id")))


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
            await add(outer, 1)
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
        asyncio.run(_run(engine, body))
    (problem, *_) = sandbox.problems
    assert isinstance(problem, InterleavedTransactionsError)
    assert problem.test == "test_both"
    assert "test_contract_tasks.py" in problem.place
    with async_lab.test("test_next") as sandbox:
        assert asyncio.run(_next(engine)) == []
    assert sandbox.problems == []


async def _next(engine: AsyncEngine) -> list[int]:
    return await ids(async_sessionmaker(engine))


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
