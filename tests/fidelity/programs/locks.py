"""Locks on rows and tables."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from sqlalchemy import text

from fidelity.program import program
from fidelity.seeing import do, error_of, rows, value

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Seen

TAKE = "SELECT id FROM job WHERE state = 'new' ORDER BY id LIMIT 1 FOR UPDATE"


@program(
    "SKIP LOCKED gives two workers two different rows",
    rollback="`SKIP LOCKED` skips nothing: all sessions of a test get the same row",
)
async def skip_locked(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        first = await rows(a, f"{TAKE} SKIP LOCKED")
        return {"first": first, "second": await rows(b, f"{TAKE} SKIP LOCKED")}


@program(
    "NOWAIT fails at a row that another session has locked",
    rollback="`NOWAIT` never fails: sessions of one test hold their locks together",
)
async def nowait(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await rows(a, TAKE)
        return {"second": await error_of(rows(b, f"{TAKE} NOWAIT"))}


@program(
    "LOCK TABLE NOWAIT fails while another session holds the table",
    rollback="`LOCK TABLE ... NOWAIT` never fails",
)
async def lock_table(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "LOCK TABLE job IN EXCLUSIVE MODE")
        return {"second": await error_of(do(b, "LOCK TABLE job IN EXCLUSIVE MODE NOWAIT"))}


@program("a commit gives row locks free")
async def free_after_the_commit(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        first = await rows(a, TAKE)
        await do(a, "UPDATE job SET state = 'done' WHERE id = 1")
        await a.commit()
        return {"first": first, "second": await rows(b, f"{TAKE} NOWAIT")}


@program("FOR UPDATE between two tasks loses no update")
async def for_update_between_tasks(engine: AsyncEngine) -> Seen:
    async def add() -> None:
        async with engine.begin() as connection:
            amount = await value(connection, "SELECT amount FROM item WHERE id = 1 FOR UPDATE")
            await asyncio.sleep(0.01)
            await connection.execute(
                text("UPDATE item SET amount = :amount WHERE id = 1"), {"amount": amount + 1}
            )

    await asyncio.gather(*(add() for _ in range(4)))
    async with engine.connect() as a:
        return {"amount": await value(a, "SELECT amount FROM item WHERE id = 1")}


@program(
    "FOR UPDATE waits until the other session has committed, and sees what it wrote",
    rollback="a task does not wait for what the task that started it has locked",
)
async def for_update_waits(engine: AsyncEngine) -> Seen:
    order: list[object] = []

    async def second() -> None:
        async with engine.begin() as b:
            order.append(await value(b, "SELECT state FROM job WHERE id = 1 FOR UPDATE"))

    async with engine.connect() as a:
        await do(a, "UPDATE job SET state = 'done' WHERE id = 1")
        task = asyncio.create_task(second())
        await asyncio.sleep(0.1)
        order.append("commit")
        await a.commit()
        await task
    return {"order": order}


@program(
    "an insert of the same key waits for the other session, then fails",
    rollback="a task does not wait for what the task that started it has locked",
)
async def insert_of_the_same_key(engine: AsyncEngine) -> Seen:
    order = []

    async def second() -> None:
        async with engine.connect() as b:
            order.append(await error_of(do(b, "INSERT INTO job VALUES (4)")))

    async with engine.connect() as a:
        await do(a, "INSERT INTO job VALUES (4)")
        task = asyncio.create_task(second())
        await asyncio.sleep(0.1)
        order.append("commit")
        await a.commit()
        await task
    return {"order": order}


@program(
    "an insert of the same key waits for the other session, whose rollback lets it in",
    rollback="a task does not wait for what the task that started it has locked",
)
async def insert_after_a_rollback(engine: AsyncEngine) -> Seen:
    order = []

    async def second() -> None:
        async with engine.begin() as b:
            order.append(await error_of(do(b, "INSERT INTO job VALUES (4, 'b')")))

    async with engine.connect() as a:
        await do(a, "INSERT INTO job VALUES (4, 'a')")
        task = asyncio.create_task(second())
        await asyncio.sleep(0.1)
        order.append("rollback")
        await a.rollback()
        await task
        return {"order": order, "left": await rows(a, "SELECT state FROM job WHERE id = 4")}


@program(
    "two sessions that wait for one another: one of them fails",
    rollback="there are no deadlocks: transactions that write take turns",
)
async def deadlock(engine: AsyncEngine) -> Seen:
    begun = asyncio.Event(), asyncio.Event()

    async def swap(own: int, other: int) -> str:
        async with engine.connect() as connection:
            await do(connection, "SET LOCAL deadlock_timeout = '50ms'")
            await do(connection, f"UPDATE job SET state = 'x' WHERE id = {own + 1}")
            begun[own].set()
            with suppress(TimeoutError):  # in the sandbox it begins after this one has ended
                await asyncio.wait_for(begun[other].wait(), 0.5)
            update = f"UPDATE job SET state = 'y' WHERE id = {other + 1}"
            outcome = await error_of(do(connection, update))
            await connection.commit()
            return outcome

    return {"outcomes": sorted(await asyncio.gather(swap(0, 1), swap(1, 0)))}
