"""COPY, by the driver's own connection."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from fidelity.program import program
from fidelity.seeing import do, error_of, rows

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from fidelity.program import Seen

NEW = "SELECT id FROM job WHERE id > 3 ORDER BY id"


async def driver_of(connection: AsyncConnection) -> Any:
    """Return asyncpg's own connection."""
    return (await connection.get_raw_connection()).driver_connection


@program("rows that were copied in are committed with their transaction")
async def committed(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "INSERT INTO job VALUES (4)")
        driver = await driver_of(a)
        done = await driver.copy_records_to_table("job", records=[(5, "x"), (6, "y")])
        await a.commit()
        return {"done": done, "left": await rows(b, NEW)}


@program("rows that were copied in go with the rollback")
async def rolled_back(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "INSERT INTO job VALUES (4)")
        driver = await driver_of(a)
        await driver.copy_records_to_table("job", records=[(5, "x")])
        await a.rollback()
        return {"left": await rows(a, NEW)}


@program("a copy that is refused fails its transaction")
async def refused(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "INSERT INTO job VALUES (4)")
        driver = await driver_of(a)
        copy = driver.copy_to_table("job", source=BytesIO(b"5\tx\nsix\ty\n"))
        why = await error_of(copy)
        then = await error_of(do(a, "SELECT 1"))
        await a.rollback()
        return {"why": why, "then": then, "left": await rows(a, NEW)}


@program("a copy out has the rows of its own transaction")
async def out(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "INSERT INTO job VALUES (4)")
        driver = await driver_of(a)
        target = BytesIO()
        done = await driver.copy_from_query("SELECT id FROM job ORDER BY id", output=target)
        return {"done": done, "text": target.getvalue().decode()}
