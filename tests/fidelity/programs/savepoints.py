"""Savepoints of the application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fidelity.program import program
from fidelity.seeing import do, error_of, rows

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Seen

IDS = "SELECT id FROM job WHERE id > 3 ORDER BY id"


@program("the rollback of a savepoint keeps what was written before it")
async def inner_rollback(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "INSERT INTO job VALUES (4)")
        nested = await a.begin_nested()
        await do(a, "INSERT INTO job VALUES (5)")
        await nested.rollback()
        await do(a, "INSERT INTO job VALUES (6)")
        await a.commit()
        await a.rollback()
        return {"ids": await rows(a, IDS)}


@program("the rollback of a transaction takes savepoints along that were released")
async def outer_rollback(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        async with a.begin_nested():
            await do(a, "INSERT INTO job VALUES (5)")
        await a.rollback()
        return {"ids": await rows(a, IDS)}


@program("an error in a savepoint leaves the transaction usable")
async def error_in_a_savepoint(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "INSERT INTO job VALUES (4)")
        nested = await a.begin_nested()
        refused = await error_of(do(a, "INSERT INTO job VALUES (4)"))
        await nested.rollback()
        await do(a, "INSERT INTO job VALUES (5)")
        await a.commit()
        return {"refused": refused, "ids": await rows(a, IDS)}


@program("a name that is used twice means the later savepoint, then the earlier one")
async def one_name_twice(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "SAVEPOINT s", "INSERT INTO job VALUES (4)")
        await do(a, "SAVEPOINT s", "INSERT INTO job VALUES (5)")
        await do(a, "ROLLBACK TO s")
        first = await rows(a, IDS)
        await do(a, "RELEASE s", "ROLLBACK TO s")
        return {"first": first, "second": await rows(a, IDS)}


@program("a savepoint of the transaction before is unknown")
async def after_its_transaction(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "SAVEPOINT s")
        await a.commit()
        return {"back": await error_of(do(a, "ROLLBACK TO SAVEPOINT s"))}


@program("a savepoint of another connection is unknown")
async def of_another_connection(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "SAVEPOINT s")
        return {"back": await error_of(do(b, "ROLLBACK TO SAVEPOINT s"))}


@program("savepoints lie in one another as deep as one likes")
async def deep(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        opened = []
        for number in range(4, 24):
            opened.append(await a.begin_nested())
            await do(a, f"INSERT INTO job VALUES ({number})")
        await opened[10].rollback()
        await a.commit()
        return {"ids": await rows(a, IDS)}
