"""Engines, their pools and their connections, on event loops that come and go."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.pool import NullPool, StaticPool

from pytest_oneloop.errors.sandbox import EarlierTestError, SplitTransactionError
from tools.item_tasks import ids, many, write

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from tools.laboratory import Laboratory

POOLS: list[dict[str, Any]] = [
    {},
    {"pool_size": 1, "max_overflow": 0},
    {"poolclass": NullPool},
    {"poolclass": StaticPool},
    {"pool_pre_ping": True},
]
LONG = 20.0


def write_at_once(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO item (id) VALUES (1)"))


@pytest.mark.parametrize("options", POOLS, ids=str)
def test_one_engine_serves_a_new_loop_for_every_test(
    async_lab: Laboratory, options: dict[str, Any]
) -> None:
    engine = async_lab.async_engine(**options)
    for number in range(4):
        with async_lab.test(f"test_{number}") as sandbox:
            # Twenty at once: some wait in the pool's queue, which is bound to the loop.
            expected = list(range(20))
            if "poolclass" in options and options["poolclass"] is StaticPool:
                asyncio.run(write(engine, 1))
                continue
            assert asyncio.run(many(engine)) == expected
        assert sandbox.problems == []


def test_a_loop_that_lives_on_and_loops_that_do_not_take_turns(async_lab: Laboratory) -> None:
    engine = async_lab.async_engine()
    with asyncio.Runner() as lasting:
        for number in range(4):
            with async_lab.test(f"test_{number}") as sandbox:
                if number % 2:
                    assert asyncio.run(many(engine)) == list(range(20))
                else:
                    assert lasting.run(many(engine)) == list(range(20))
            assert sandbox.problems == []


def test_an_idle_loops_locks_do_not_hold_up_the_next_test(async_lab: Laboratory) -> None:
    engine = async_lab.async_engine()
    with asyncio.Runner() as first, asyncio.Runner() as second:
        with async_lab.test("test_one"):
            first.run(write(engine, 1))
        with async_lab.test("test_two") as sandbox:
            # The same key: on the server it waits for the transaction that wrote it first.
            second.run(asyncio.wait_for(write(engine, 1), LONG))
        assert sandbox.problems == []
        with async_lab.test("test_three") as sandbox:
            first.run(asyncio.wait_for(write(engine, 1), LONG))
        assert sandbox.problems == []


def test_a_synchronous_drivers_locks_do_not_hold_up_the_next_test(async_lab: Laboratory) -> None:
    from sqlalchemy import create_engine  # noqa: PLC0415 - needed here alone

    synchronous = create_engine(async_lab.url_of(async_lab.beside))
    asynchronous = async_lab.async_engine()
    with asyncio.Runner() as runner:
        for number in range(3):
            with async_lab.test(f"test_{number}, synchronous") as sandbox:
                write_at_once(synchronous)
            assert sandbox.problems == []
            with async_lab.test(f"test_{number}, asynchronous") as sandbox:
                runner.run(asyncio.wait_for(write(asynchronous, 1), LONG))
            assert sandbox.problems == []


def test_twenty_tasks_that_arrive_together_open_one_connection(async_lab: Laboratory) -> None:
    engine = async_lab.async_engine(pool_size=20)
    with async_lab.test():
        asyncio.run(many(engine))
    assert async_lab.router.connections == 1
    assert async_lab.provided == 1


def test_tasks_do_not_share_the_cancellation_of_the_one_that_opens(async_lab: Laboratory) -> None:
    async def body(engine: AsyncEngine) -> list[int]:
        tasks = [asyncio.create_task(write(engine, number)) for number in range(5)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.wait(tasks[:1])
        # It has not left half a connection behind.
        assert async_lab.router.connections == 1
        first, *others = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(first, asyncio.CancelledError)
        assert others == [None] * 4
        assert async_lab.router.connections == 1
        return await ids(engine)

    engine = async_lab.async_engine(pool_size=20)
    with async_lab.test():
        assert asyncio.run(body(engine)) == [1, 2, 3, 4]


@pytest.mark.needs("server")
def test_a_loop_closes_its_connection_before_it_closes(async_lab: Laboratory) -> None:
    engine = async_lab.async_engine()
    with async_lab.test():
        asyncio.run(write(engine, 1))
        assert async_lab.connections_left() == 0


# asyncpg's sockets are asyncio's, which can close them only on the loop, and says so.
@pytest.mark.needs("server", "freed_connections")
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_loop_closed_without_a_word_leaves_nothing_on_the_server(
    async_lab: Laboratory,
) -> None:
    engine = async_lab.async_engine()
    for number in range(3):
        with async_lab.test(f"test_{number}") as sandbox:
            loop = asyncio.new_event_loop()
            loop.run_until_complete(write(engine, 1))
            loop.close()
        assert sandbox.problems == []
    assert async_lab.connections_left() == 0
    del loop, engine, sandbox
    gc.collect()


def test_two_loops_in_one_test_are_told_that_they_cannot_see_each_other(
    async_lab: Laboratory,
) -> None:
    engine = async_lab.async_engine()
    with asyncio.Runner() as first, asyncio.Runner() as second:
        with async_lab.test("test_split") as sandbox:
            first.run(write(engine, 1))
            with pytest.raises(SplitTransactionError) as raised:
                second.run(ids(engine))
        assert sandbox.problems[0] is raised.value
        assert raised.value.test == "test_split"
        with async_lab.test("test_next") as sandbox:
            assert second.run(ids(engine)) == []
        assert sandbox.problems == []


def test_what_two_loops_only_read_needs_no_word(async_lab: Laboratory) -> None:
    engine = async_lab.async_engine()
    with asyncio.Runner() as first, asyncio.Runner() as second:
        with async_lab.test() as sandbox:
            assert first.run(ids(engine)) == []
            assert second.run(ids(engine)) == []
            assert first.run(ids(engine)) == []
        assert sandbox.problems == []


@pytest.mark.parametrize("options", POOLS, ids=str)
def test_a_connection_left_open_belongs_to_its_test(
    async_lab: Laboratory, options: dict[str, Any]
) -> None:
    engine = async_lab.async_engine(**options)

    async def leave_open() -> AsyncConnection:
        connection = await engine.connect()
        await connection.execute(text("INSERT INTO item (id) VALUES (1)"))
        return connection

    async def use(connection: AsyncConnection) -> None:
        with pytest.raises(EarlierTestError) as raised:
            await connection.execute(text("INSERT INTO item (id) VALUES (2)"))
        assert raised.value.earlier == "test_earlier"
        assert raised.value.test == "test_later"
        assert "test_contract_loops.py" in raised.value.place
        with pytest.raises(EarlierTestError):
            await connection.commit()
        await connection.close()

    with asyncio.Runner() as runner:
        with async_lab.test("test_earlier"):
            left = runner.run(leave_open())
        with async_lab.test("test_later") as sandbox:
            assert runner.run(ids(engine)) == []
            runner.run(use(left))
            runner.run(write(engine, 3))
            assert runner.run(ids(engine)) == [3]
        assert sandbox.problems == []


def test_a_task_that_goes_on_into_the_next_test_is_stopped(async_lab: Laboratory) -> None:
    engine = async_lab.async_engine()
    stop: list[BaseException] = []
    begun = asyncio.Event()

    async def go_on() -> None:
        try:
            async with engine.begin() as connection:
                while True:
                    await connection.execute(text("UPDATE item SET name = 'x'"))
                    begun.set()
                    await asyncio.sleep(0.001)
        except EarlierTestError as error:
            stop.append(error)

    async def begin() -> asyncio.Task[None]:
        task = asyncio.create_task(go_on())
        await begun.wait()
        return task

    with asyncio.Runner() as runner:
        with async_lab.test("test_earlier"):
            task = runner.run(begin())
        with async_lab.test("test_later") as sandbox:
            runner.run(many(engine))
            runner.run(asyncio.wait_for(task, LONG))
            assert runner.run(ids(engine)) == list(range(20))
        assert sandbox.problems == []
    (error,) = stop
    assert isinstance(error, EarlierTestError)
    assert error.earlier == "test_earlier"


@pytest.mark.needs("sleeping")
def test_a_statement_that_runs_on_into_the_next_test_changes_nothing_there(
    async_lab: Laboratory,
) -> None:
    engine = async_lab.async_engine()
    begun = asyncio.Event()

    async def slow() -> None:
        async with engine.begin() as connection:
            await connection.execute(text("INSERT INTO item (id) VALUES (1)"))
            begun.set()
            await connection.execute(
                text(f"INSERT INTO item (id) SELECT 2 FROM {async_lab.asleep(0.3)}")
            )

    async def begin() -> asyncio.Task[None]:
        task = asyncio.create_task(slow())
        await begun.wait()
        await asyncio.sleep(0.05)
        return task

    with asyncio.Runner() as runner:
        with async_lab.test("test_earlier"):
            task = runner.run(begin())
        with async_lab.test("test_later") as sandbox:
            runner.run(write(engine, 3))
            assert runner.run(ids(engine)) == [3]
            (outcome,) = runner.run(_gathered(task))
            assert isinstance(outcome, EarlierTestError)
        assert sandbox.problems == []


async def _gathered(task: asyncio.Task[None]) -> tuple[BaseException | None]:
    return await asyncio.gather(task, return_exceptions=True)
