"""Snapshots of one transaction for another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fidelity.program import program
from fidelity.seeing import do, value

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Seen


@program(
    "a snapshot that is exported shows another transaction the same rows",
    rollback="a snapshot cannot be exported, nor imported",
)
async def exported(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b, engine.connect() as c:
        for connection in (a, b):
            await connection.execution_options(isolation_level="REPEATABLE READ")
        snapshot = await value(a, "SELECT pg_export_snapshot()")
        await do(c, "INSERT INTO job VALUES (4)")
        await c.commit()
        await do(b, f"SET TRANSACTION SNAPSHOT '{snapshot}'")
        return {"seen": await value(b, "SELECT count(*) FROM job")}


@program(
    "a snapshot tells which transactions it sees",
    rollback="the transactions of a test are one to a snapshot: none of them is seen as committed",
)
async def visible_transactions(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "INSERT INTO job VALUES (4)")
        xid = await value(a, "SELECT pg_current_xact_id()::text")
        question = f"SELECT pg_visible_in_snapshot('{xid}'::xid8, pg_current_snapshot())"
        before = await value(b, question)
        await a.commit()
        return {"before": before, "after": await value(b, question)}
