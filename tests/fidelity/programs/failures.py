"""Errors, and how one goes on after them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sqlalchemy import text

from fidelity.program import program
from fidelity.seeing import do, error_of, rows, value

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Seen

NEW = "SELECT id FROM job WHERE id > 3 ORDER BY id"


@program("after an error a transaction refuses statements until it is rolled back")
async def refused_after_an_error(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        first = await error_of(do(a, "SELECT 1 / 0"))
        second = await error_of(do(a, "SELECT 1"))
        await a.rollback()
        return {"first": first, "second": second, "third": await value(a, "SELECT 1")}


@program("the commit of a transaction with an error is a rollback, without a word")
async def commit_after_an_error(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "INSERT INTO job VALUES (4)")
        first = await error_of(do(a, "SELECT 1 / 0"))
        commit = await error_of(a.commit())
        return {"first": first, "commit": commit, "left": await rows(a, NEW)}


@program("an error of one connection does not touch another's transaction")
async def error_beside_another(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "INSERT INTO job VALUES (4)")
        failed = await error_of(do(b, "SELECT 1 / 0"))
        await b.rollback()
        await a.commit()
        return {"failed": failed, "left": await rows(a, NEW)}


@program("a connection can be used after errors of every kind")
async def errors_of_every_kind(engine: AsyncEngine) -> Seen:
    statements = (
        "INSERT INTO job VALUES (1)",
        "INSERT INTO job (id) VALUES (NULL)",
        "SELECT 1 / 0",
        "SELECT 'x'::int",
        "SELEC 1",
        "TABLE nowhere",
        "SELECT nowhere FROM job",
        "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'ZZ001'; END $$",
        "INSERT INTO child (id, parent_id) VALUES (1, 99); SELECT 1",
    )
    found = []
    async with engine.connect() as a:
        for statement in statements:
            found.append(await error_of(do(a, statement)))
            await a.rollback()
        return {"errors": found, "left": await value(a, "SELECT count(*) FROM job")}


@program("the rollback of one session keeps what another committed meanwhile")
async def rollback_around_another_commit(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "INSERT INTO job VALUES (4)")
        await do(b, "INSERT INTO job VALUES (5)")
        await b.commit()
        await a.rollback()
        return {"left": await rows(a, NEW)}


@program("a connection that is closed without a commit takes its work along")
async def closed_without_a_commit(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "INSERT INTO job VALUES (4)")
    async with engine.connect() as b:
        return {"left": await rows(b, NEW)}


@program("a cancelled statement takes its transaction along, and the engine goes on")
async def cancelled(engine: AsyncEngine) -> Seen:
    async def work() -> None:
        async with engine.begin() as a:
            await do(a, "INSERT INTO job VALUES (4)", "SELECT pg_sleep(20)")

    task = asyncio.create_task(work())
    await asyncio.sleep(0.1)
    task.cancel()
    [how] = await asyncio.gather(task, return_exceptions=True)
    async with engine.connect() as b:
        return {"how": type(how).__name__, "left": await rows(b, NEW)}


@program("a connection that is ended by another reports it, and its work is gone")
async def ended_by_another(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "INSERT INTO job VALUES (4)")
        pid = await value(a, "SELECT pg_backend_pid()")
        ended = await value(b, f"SELECT pg_terminate_backend({pid}, 5000)")
        after = await error_of(do(a, "SELECT 1"))
        await a.invalidate()
        return {"ended": ended, "failed": after != "no error", "left": await rows(b, NEW)}


@program("a multi-row insert is refused as a whole")
async def refused_as_a_whole(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        many = [{"id": number} for number in (8, 9, 1)]
        insert = text("INSERT INTO job VALUES (:id)")
        refused = await error_of(a.execute(insert, many))
        await a.rollback()
        return {"refused": refused, "left": await rows(a, NEW)}
