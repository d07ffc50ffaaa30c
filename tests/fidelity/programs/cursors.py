"""Cursors, and results that are read bit by bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from fidelity.program import program
from fidelity.seeing import do, error_of, rows

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Seen

OUTLIVES = "a cursor outlives the rollback of a transaction that has only read"
DECLARE = "DECLARE c CURSOR FOR SELECT id FROM item ORDER BY id"
HOLD = "DECLARE c CURSOR WITH HOLD FOR SELECT id FROM item ORDER BY id"


@program("a cursor gives row after row within its transaction")
async def fetched(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, DECLARE)
        first, second = await rows(a, "FETCH 1 FROM c"), await rows(a, "FETCH 5 FROM c")
        await do(a, "CLOSE c")
        closed = await error_of(rows(a, "FETCH 1 FROM c"))
        return {"first": first, "second": second, "closed": closed}


@program(
    "a cursor without hold is gone after the commit",
    rollback="a cursor without hold is still open after the commit",
)
async def without_hold(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, DECLARE)
        await a.commit()
        return {"after": await error_of(rows(a, "FETCH 1 FROM c"))}


@program(
    "a cursor without hold is gone after the rollback",
    rollback=OUTLIVES,
)
async def without_hold_rolled_back(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, DECLARE)
        await a.rollback()
        return {"after": await error_of(rows(a, "FETCH 1 FROM c"))}


@program("a cursor with hold outlives the commit, with the rows of then")
async def with_hold(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, HOLD)
        await a.commit()
        await do(a, "DELETE FROM item")
        await a.commit()
        found = await rows(a, "FETCH 5 FROM c")
        await do(a, "CLOSE c")
        return {"rows": found}


@program(
    "a cursor with hold goes with the rollback of its transaction",
    rollback=OUTLIVES,
)
async def with_hold_rolled_back(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, HOLD)
        await a.rollback()
        return {"after": await error_of(rows(a, "FETCH 1 FROM c"))}


@program(
    "a cursor without hold cannot be declared under AUTOCOMMIT",
    rollback="a cursor without hold can be declared under AUTOCOMMIT",
)
async def under_autocommit(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await a.execution_options(isolation_level="AUTOCOMMIT")
        return {"declared": await error_of(do(a, DECLARE))}


@program(
    "a cursor goes with the savepoint that it was declared in",
    rollback=OUTLIVES,
)
async def in_a_savepoint(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        nested = await a.begin_nested()
        await do(a, DECLARE)
        await nested.rollback()
        nested = await a.begin_nested()
        gone = await error_of(rows(a, "FETCH 1 FROM c"))
        await nested.rollback()
        return {"gone": gone, "rows": len(await rows(a, "TABLE item"))}


@program("a cursor does not see rows that were written after it was declared")
async def insensitive(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, DECLARE, "INSERT INTO item VALUES (4)", "DELETE FROM item WHERE id = 2")
        return {"rows": await rows(a, "FETCH 9 FROM c")}


@program("a stream goes on while its own transaction and another one write")
async def stream_while_writing(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        found = []
        result = await a.stream(
            text("SELECT id FROM item ORDER BY id"), execution_options={"yield_per": 1}
        )
        async for row in result:
            found.append(row.id)
            await do(a, f"INSERT INTO item VALUES ({row.id + 10})")
            await do(b, f"INSERT INTO item VALUES ({row.id + 20})")
        await b.commit()
        await a.commit()
        return {"found": found, "rows": len(await rows(a, "TABLE item"))}
