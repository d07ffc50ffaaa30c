"""Advisory locks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fidelity.program import program
from fidelity.seeing import do, error_of, value

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Seen

HELD = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@program(
    "an advisory lock that another session holds cannot be had",
)
async def of_a_session(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        first = await value(a, "SELECT pg_try_advisory_lock(4711)")
        await a.commit()
        second = await value(b, "SELECT pg_try_advisory_lock(4711)")
        freed = await value(a, "SELECT pg_advisory_unlock(4711)")
        await a.commit()
        third = await value(b, "SELECT pg_try_advisory_lock(4711)")
        await value(b, "SELECT pg_advisory_unlock_all()")
        return {"first": first, "second": second, "freed": freed, "third": third}


@program(
    "an advisory lock of a transaction cannot be had by another",
    rollback="transactions of one test hold advisory locks together",
)
async def of_a_transaction(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "SELECT pg_advisory_xact_lock(4711)")
        return {"second": await value(b, "SELECT pg_try_advisory_xact_lock(4711)")}


@program(
    "the commit gives an advisory lock of the transaction free",
    rollback="an advisory lock of a transaction is held until the test ends",
)
async def free_after_the_commit(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "SELECT pg_advisory_xact_lock(4711)")
        within = await value(a, HELD)
        await a.commit()
        return {"within": within, "after": await value(a, HELD)}


@program("an advisory lock of the session outlives the rollback")
async def kept_after_the_rollback(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "SELECT pg_advisory_lock(4711)")
        await a.rollback()
        held = await value(a, HELD)
        freed = await value(a, "SELECT pg_advisory_unlock(4711)")
        return {"held": held, "freed": freed, "after": await value(a, HELD)}


@program(
    "one session cannot free the lock of another",
)
async def freed_by_another(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "SELECT pg_advisory_lock(4711)")
        await a.commit()
        freed = await value(b, "SELECT pg_advisory_unlock(4711)")
        await do(a, "SELECT pg_advisory_unlock_all()")
        return {"freed": freed}


@program(
    "an advisory lock is waited for, and the wait ends with the lock timeout",
    rollback="an advisory lock is never waited for by another session of the test",
)
async def waited_for(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "SELECT pg_advisory_xact_lock(4711)")
        await do(b, "SET LOCAL lock_timeout = '30ms'")
        return {"waited": await error_of(do(b, "SELECT pg_advisory_xact_lock(4711)"))}


@program("advisory locks keep a critical section of two tasks apart")
async def critical_section(engine: AsyncEngine) -> Seen:
    within: list[int] = []
    most = []

    async def work(number: int) -> None:
        async with engine.begin() as connection:
            await do(connection, "SELECT pg_advisory_xact_lock(4711)")
            within.append(number)
            await asyncio.sleep(0.02)
            most.append(len(within))
            within.remove(number)

    await asyncio.gather(*(work(number) for number in range(3)))
    return {"most": max(most)}
