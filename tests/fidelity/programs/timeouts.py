"""Deadlines that the server keeps."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fidelity.program import program
from fidelity.seeing import do, error_of, rows, value

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Seen


@program("a statement that takes too long is ended, and its transaction has failed")
async def statement_timeout(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "INSERT INTO job VALUES (4)", "SET LOCAL statement_timeout = '30ms'")
        slow = await error_of(do(a, "SELECT pg_sleep(20)"))
        then = await error_of(do(a, "SELECT 1"))
        await a.rollback()
        return {
            "slow": slow,
            "then": then,
            "timeout": await value(a, "SELECT current_setting('statement_timeout')"),
            "left": await value(a, "SELECT count(*) FROM job WHERE id > 3"),
        }


@program("a statement that took too long in a savepoint can be taken back")
async def statement_timeout_in_a_savepoint(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "INSERT INTO job VALUES (4)")
        nested = await a.begin_nested()
        await do(a, "SET LOCAL statement_timeout = '30ms'")
        slow = await error_of(do(a, "SELECT pg_sleep(20)"))
        await nested.rollback()
        await a.commit()
        return {
            "slow": slow,
            "timeout": await value(a, "SELECT current_setting('statement_timeout')"),
            "left": await value(a, "SELECT count(*) FROM job WHERE id > 3"),
        }


@program(
    "a lock that another transaction holds is waited for up to the lock timeout",
    rollback="no lock is ever waited for: `lock_timeout` never strikes",
)
async def lock_timeout(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "UPDATE job SET state = 'a' WHERE id = 1")
        await do(b, "SET LOCAL lock_timeout = '30ms'")
        waited = await error_of(do(b, "UPDATE job SET state = 'b' WHERE id = 1"))
        await b.rollback()
        await a.commit()
        return {"waited": waited, "state": await rows(a, "SELECT state FROM job WHERE id = 1")}


@program("a connection that is idle in its transaction for too long is ended")
async def idle_in_transaction(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "SET idle_in_transaction_session_timeout = '150ms'")
        await a.commit()
        await do(a, "INSERT INTO job VALUES (4)")
        await asyncio.sleep(0.4)
        failed = await error_of(do(a, "SELECT 1")) != "no error"
        await a.invalidate()
    async with engine.connect() as b:
        return {"failed": failed, "left": await rows(b, "SELECT id FROM job WHERE id > 3")}


@program("a transaction that takes too long is ended")
async def transaction_timeout(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "SET LOCAL transaction_timeout = '300ms'", "INSERT INTO job VALUES (4)")
        failed = await error_of(do(a, "SELECT pg_sleep(20)")) != "no error"
        await a.invalidate()
    async with engine.connect() as b:
        return {"failed": failed, "left": await rows(b, "SELECT id FROM job WHERE id > 3")}
