"""Statements that change the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fidelity.program import program
from fidelity.seeing import do, error_of, rows, value

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Seen


@program("a rollback takes a table back, with its rows")
async def table_rolled_back(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "CREATE TABLE made (id int)", "INSERT INTO made VALUES (1)")
        within = await rows(a, "TABLE made")
        await a.rollback()
        return {"within": within, "after": await error_of(do(a, "TABLE made"))}


@program("a table that is committed is there for another session")
async def table_committed(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "CREATE TABLE made (id int)", "INSERT INTO made VALUES (1)")
        await a.commit()
        return {"other": await rows(b, "TABLE made")}


@program(
    "a table that is not committed is not there for another session",
    rollback="a session sees tables that others have not committed yet",
)
async def table_not_committed(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "CREATE TABLE made (id int)")
        return {"other": await value(b, "SELECT to_regclass('made')")}


@program("a new column is there for statements that were sent before")
async def new_column(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        question = "SELECT * FROM job WHERE id = 1"
        before = await rows(a, question)
        await do(a, "ALTER TABLE job ADD COLUMN owner text DEFAULT 'Ada'")
        await a.commit()
        stale = await error_of(rows(a, question))
        await a.rollback()
        return {"before": before, "stale": stale, "after": await rows(a, question)}


@program("TRUNCATE goes with the rollback")
async def truncate(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "TRUNCATE job")
        within = await value(a, "SELECT count(*) FROM job")
        await a.rollback()
        return {"within": within, "after": await value(a, "SELECT count(*) FROM job")}


@program("a table cannot be altered while a deferred check waits, and can after the commit")
async def pending_check(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "INSERT INTO parent VALUES (5)")
        await a.commit()
        await do(a, "INSERT INTO child VALUES (1, 5)")
        early = await error_of(do(a, "ALTER TABLE child ADD COLUMN name text"))
        await a.rollback()
        await do(a, "INSERT INTO child VALUES (1, 5)")
        await a.commit()
        return {
            "early": early,
            "late": await error_of(do(a, "ALTER TABLE child ADD COLUMN name text")),
        }


@program(
    "a new value of an enum can be used after the commit, not before",
    rollback="a new value of an enum cannot be used in the test that adds it",
)
async def new_enum_value(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "ALTER TYPE mood ADD VALUE 'calm'")
        nested = await a.begin_nested()
        early = await error_of(do(a, "SELECT 'calm'::mood::text"))
        await nested.rollback()
        await a.commit()
        return {"early": early, "late": await error_of(do(a, "SELECT 'calm'::mood::text"))}


@program("a procedure can commit under AUTOCOMMIT", rollback="a procedure that commits fails")
async def procedure_that_commits(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await a.execution_options(isolation_level="AUTOCOMMIT")
        called = await error_of(do(a, "CALL commit_in_the_middle()"))
        return {"called": called, "left": await rows(a, "SELECT id FROM sale ORDER BY id")}


@program("a procedure that commits fails in a transaction block")
async def procedure_in_a_transaction(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "INSERT INTO sale VALUES (9)")
        return {"called": await error_of(do(a, "CALL commit_in_the_middle()"))}


@program("an index that cannot be built leaves the table as it is")
async def refused_index(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        refused = await error_of(do(a, "CREATE UNIQUE INDEX one_state ON job (state)"))
        await a.rollback()
        question = "SELECT count(*) FROM pg_indexes WHERE tablename = 'job'"
        return {"refused": refused, "indexes": await value(a, question)}
