"""Temporary tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from fidelity.program import program
from fidelity.seeing import do, error_of, rows, value

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Seen


@program(
    "a table of ON COMMIT DROP is gone after the commit",
    rollback="a temporary table of `ON COMMIT DROP` stays until the test ends",
)
async def dropped_on_commit(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "CREATE TEMP TABLE scratch (id int) ON COMMIT DROP")
        await a.commit()
        return {"after": await value(a, "SELECT to_regclass('scratch')")}


@program("a table of ON COMMIT DROP is there until the commit")
async def there_until_the_commit(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "CREATE TEMP TABLE scratch (id int) ON COMMIT DROP")
        await do(a, "INSERT INTO scratch VALUES (1)")
        return {"rows": await rows(a, "TABLE scratch")}


@program(
    "a table of ON COMMIT DELETE ROWS is empty after the commit",
    rollback="a temporary table of `ON COMMIT DELETE ROWS` keeps its rows until the test ends",
)
async def emptied_on_commit(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "CREATE TEMP TABLE scratch (id int) ON COMMIT DELETE ROWS")
        await do(a, "INSERT INTO scratch VALUES (1)")
        await a.commit()
        return {"after": await rows(a, "TABLE scratch")}


@program("a temporary table outlives the commit on its connection")
async def kept_on_its_connection(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "CREATE TEMP TABLE scratch (id int)", "INSERT INTO scratch VALUES (1)")
        await a.commit()
        return {"after": await rows(a, "TABLE scratch")}


@program("a rollback takes a temporary table back")
async def rolled_back(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "CREATE TEMP TABLE scratch (id int)")
        await a.rollback()
        return {"after": await value(a, "SELECT to_regclass('scratch')")}


@program(
    "another connection does not see a temporary table",
    rollback="a temporary table is seen by all connections of the test",
)
async def hidden_from_others(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "CREATE TEMP TABLE scratch (id int)")
        await a.commit()
        return {"other": await value(b, "SELECT to_regclass('scratch')")}


@program(
    "two connections can have temporary tables of one name",
    rollback="two connections cannot have temporary tables of one name: the second one fails",
)
async def one_name_twice(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "CREATE TEMP TABLE scratch (id int)")
        await a.commit()
        return {"second": await error_of(do(b, "CREATE TEMP TABLE scratch (id int)"))}


@program("a temporary table hides a table of the same name")
async def hiding_a_table(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "CREATE TEMP TABLE item (id int)")
        within = await value(a, "SELECT count(*) FROM item")
        await do(a, "DROP TABLE pg_temp.item")
        return {"within": within, "after": await value(a, "SELECT count(*) FROM item")}


@program(
    "a temporary table ends with its connection",
    rollback="a temporary table outlives the connection that it was made on",
)
async def gone_with_its_connection(engine: AsyncEngine) -> Seen:
    fresh = create_async_engine(engine.url, poolclass=NullPool)
    async with fresh.connect() as a:
        await do(a, "CREATE TEMP TABLE scratch (id int)")
        await a.commit()
    async with fresh.connect() as b:
        return {"after": await value(b, "SELECT to_regclass('scratch')")}
