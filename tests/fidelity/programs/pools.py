"""The application's pool of connections."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sqlalchemy import event
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import create_async_engine

from fidelity.program import program
from fidelity.seeing import do, rows, value

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Seen


@program("a pool of one connection has no second one to give")
async def exhausted(engine: AsyncEngine) -> Seen:
    small = create_async_engine(engine.url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    async with small.connect():
        try:
            async with small.connect():
                given = True
        except PoolTimeoutError:
            given = False
    await small.dispose()
    return {"given": given}


@program("a pool of one connection serves many tasks, one after the other")
async def shared_by_tasks(engine: AsyncEngine) -> Seen:
    small = create_async_engine(engine.url, pool_size=1, max_overflow=0)

    async def write(number: int) -> None:
        async with small.begin() as connection:
            await do(connection, f"INSERT INTO job VALUES ({number})")

    await asyncio.gather(*(write(number) for number in range(4, 14)))
    await small.dispose()
    async with engine.connect() as a:
        return {"jobs": await value(a, "SELECT count(*) FROM job")}


@program("what is committed on many connections at once is all there")
async def many_at_once(engine: AsyncEngine) -> Seen:
    async def write(number: int) -> None:
        async with engine.begin() as connection:
            await do(connection, f"INSERT INTO job VALUES ({number})")
            await do(connection, "UPDATE item SET amount = amount + 1 WHERE id = 1")

    await asyncio.gather(*(write(number) for number in range(4, 14)))
    async with engine.connect() as a:
        return {
            "jobs": await value(a, "SELECT count(*) FROM job"),
            "amount": await rows(a, "SELECT amount FROM item WHERE id = 1"),
        }


@program("a connection is made once, and used again")
async def used_again(engine: AsyncEngine) -> Seen:
    happened = []
    for hook in ("connect", "checkout", "checkin"):
        event.listen(engine.sync_engine, hook, lambda *_, hook=hook: happened.append(hook))
    for _ in range(2):
        async with engine.connect() as a:
            await value(a, "SELECT 1")
    return {"happened": happened}


@program("one of two tasks that fails takes its own work along")
async def one_of_two_fails(engine: AsyncEngine) -> Seen:
    async def write(number: int, state: str) -> None:
        async with engine.begin() as connection:
            await do(connection, f"INSERT INTO job VALUES ({number})")
            await asyncio.sleep(0.01)
            if state == "fails":
                raise LookupError

    outcomes = await asyncio.gather(write(4, "fails"), write(5, "goes on"), return_exceptions=True)
    async with engine.connect() as a:
        return {
            "outcomes": [type(one).__name__ for one in outcomes],
            "left": await rows(a, "SELECT id FROM job WHERE id > 3"),
        }
