"""Statements that commit by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fidelity.program import program
from fidelity.seeing import do, error_of, rows, value

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Seen

NEW = "SELECT id FROM job WHERE id > 3 ORDER BY id"


@program("what is written under AUTOCOMMIT is seen at once, and stays")
async def seen_at_once(engine: AsyncEngine) -> Seen:
    own = engine.execution_options(isolation_level="AUTOCOMMIT")
    async with own.connect() as a, engine.connect() as b:
        await do(a, "INSERT INTO job VALUES (4)")
        seen = await rows(b, NEW)
        await a.rollback()
        return {"seen": seen, "left": await rows(b, NEW)}


@program("an error under AUTOCOMMIT takes back its own statement alone")
async def error_alone(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await a.execution_options(isolation_level="AUTOCOMMIT")
        await do(a, "INSERT INTO job VALUES (4)")
        refused = await error_of(do(a, "INSERT INTO job VALUES (5), (4)"))
        await do(a, "INSERT INTO job VALUES (6)")
        return {"refused": refused, "left": await rows(a, NEW)}


@program("a deferred constraint is checked at once under AUTOCOMMIT")
async def deferred_constraint(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await a.execution_options(isolation_level="AUTOCOMMIT")
        refused = await error_of(do(a, "INSERT INTO child VALUES (1, 99)"))
        return {"refused": refused, "left": await rows(a, "TABLE child")}


@program(
    "SET LOCAL has no effect under AUTOCOMMIT",
    rollback="`SET LOCAL` under AUTOCOMMIT holds on",
)
async def local_setting(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await a.execution_options(isolation_level="AUTOCOMMIT")
        await do(a, "SET LOCAL work_mem = '77MB'")
        return {"kept": await value(a, "SHOW work_mem") == "77MB"}


@program(
    "a savepoint under AUTOCOMMIT is refused", rollback="a savepoint under AUTOCOMMIT is taken"
)
async def savepoint(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await a.execution_options(isolation_level="AUTOCOMMIT")
        return {"refused": await error_of(do(a, "SAVEPOINT s"))}


@program("a row lock is free again at once under AUTOCOMMIT")
async def row_lock(engine: AsyncEngine) -> Seen:
    own = engine.execution_options(isolation_level="AUTOCOMMIT")
    async with own.connect() as a, engine.connect() as b:
        first = await rows(a, "SELECT id FROM job WHERE id = 1 FOR UPDATE")
        return {
            "first": first,
            "second": await rows(b, "SELECT id FROM job WHERE id = 1 FOR UPDATE NOWAIT"),
        }


@program("a connection takes transactions again after it was under AUTOCOMMIT")
async def back_to_transactions(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await a.execution_options(isolation_level="AUTOCOMMIT")
        await do(a, "INSERT INTO job VALUES (4)")
    async with engine.connect() as b:
        await do(b, "INSERT INTO job VALUES (5)")
        await b.rollback()
        return {"left": await rows(b, NEW)}
