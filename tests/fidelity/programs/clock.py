"""The server's clock within transactions and between them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fidelity.program import program
from fidelity.seeing import do, rows, value

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Seen


@program("`now()` stands still within a transaction")
async def now_within_a_transaction(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        first = await value(a, "SELECT now()")
        await asyncio.sleep(0.002)
        return {"same": await value(a, "SELECT now()") == first}


@program(
    "`now()` is later in the next transaction",
    rollback="`now()`, `CURRENT_TIMESTAMP` and the like give one time in a whole test",
)
async def now_in_the_next_transaction(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        first = await value(a, "SELECT now()")
        await a.commit()
        await asyncio.sleep(0.002)
        return {"later": await value(a, "SELECT CURRENT_TIMESTAMP") > first}


@program(
    "rows of two transactions have two times, by a default of `now()`",
    rollback="a default of `now()` gives all rows of a test the same time",
)
async def default_of_now(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "INSERT INTO note (text) VALUES ('first')")
        await a.commit()
        await asyncio.sleep(0.002)
        await do(a, "INSERT INTO note (text) VALUES ('second')")
        await a.commit()
        return {
            "times": await value(a, "SELECT count(DISTINCT written) FROM note"),
            "latest": await rows(a, "SELECT text FROM note ORDER BY written DESC, id LIMIT 1"),
        }


@program(
    "`now()` is later in each statement under AUTOCOMMIT",
    rollback="`now()` gives one time in a whole test, under AUTOCOMMIT as well",
)
async def now_under_autocommit(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await a.execution_options(isolation_level="AUTOCOMMIT")
        first = await value(a, "SELECT now()")
        await asyncio.sleep(0.002)
        return {"later": await value(a, "SELECT now()") > first}


@program("`clock_timestamp()` moves within a transaction")
async def clock_timestamp_moves(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        [[now, first]] = await rows(a, "SELECT now(), clock_timestamp()")
        await asyncio.sleep(0.002)
        second = await value(a, "SELECT clock_timestamp()")
        return {"after now": now <= first, "later": second > first}


@program("`statement_timestamp()` moves from statement to statement")
async def statement_timestamp_moves(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        first = await value(a, "SELECT statement_timestamp()")
        await asyncio.sleep(0.002)
        return {"later": await value(a, "SELECT statement_timestamp()") > first}
