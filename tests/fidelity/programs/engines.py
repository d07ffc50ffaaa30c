"""Several engines of one application."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from fidelity.program import program
from fidelity.seeing import do, value

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Seen

JOBS = "SELECT count(*) FROM job"
INSERT = "INSERT INTO job VALUES (4)"


@program("a second engine sees what was committed through the first")
async def second_engine(engine: AsyncEngine) -> Seen:
    second = create_async_engine(engine.url)
    async with engine.begin() as a:
        await do(a, INSERT)
    async with second.connect() as b:
        seen = await value(b, JOBS)
    await second.dispose()
    return {"seen": seen}


@program("an engine that is disposed of opens new connections")
async def disposed(engine: AsyncEngine) -> Seen:
    async with engine.begin() as a:
        await do(a, INSERT)
    await engine.dispose()
    async with engine.connect() as b:
        return {"seen": await value(b, JOBS)}


@program("an engine of another driver sees what was committed through the first")
async def another_driver(engine: AsyncEngine) -> Seen:
    second = create_async_engine(engine.url.set(drivername="postgresql+psycopg"))
    async with engine.begin() as a:
        await do(a, INSERT)
    async with second.begin() as b:
        seen = await value(b, JOBS)
        await do(b, "DELETE FROM job WHERE id = 4")
    await second.dispose()
    async with engine.connect() as c:
        return {"seen": seen, "after": await value(c, JOBS)}


@program("a synchronous engine sees what was committed through an asynchronous one")
async def synchronous_beside_asynchronous(engine: AsyncEngine) -> Seen:
    second = create_engine(engine.url.set(drivername="postgresql+psycopg"))

    def work() -> object:
        with second.begin() as connection:
            seen = connection.scalar(text(JOBS))
            connection.execute(text("DELETE FROM job WHERE id = 4"))
        second.dispose()
        return seen

    async with engine.begin() as a:
        await do(a, INSERT)
    seen = await asyncio.to_thread(work)
    async with engine.connect() as c:
        return {"seen": seen, "after": await value(c, JOBS)}


@program("a synchronous engine does not see what an asynchronous one has not committed")
async def synchronous_before_the_commit(engine: AsyncEngine) -> Seen:
    second = create_engine(engine.url.set(drivername="postgresql+psycopg"))

    def work() -> object:
        with second.connect() as connection:
            seen = connection.scalar(text(JOBS))
        second.dispose()
        return seen

    async with engine.begin() as a:
        await do(a, INSERT)
        before = await asyncio.to_thread(work)
    return {"before": before, "after": await asyncio.to_thread(work)}
