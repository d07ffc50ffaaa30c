"""Rows of the table `item`, written and read by tasks with an engine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


async def write(engine: AsyncEngine, number: int) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("INSERT INTO item (id) VALUES (:id)"), {"id": number})


async def ids(engine: AsyncEngine) -> list[int]:
    async with engine.connect() as connection:
        return list(await connection.scalars(text("SELECT id FROM item ORDER BY id")))


async def many(engine: AsyncEngine) -> list[int]:
    """Write twenty rows, each in a task of its own; return all."""
    await asyncio.gather(*(write(engine, number) for number in range(20)))
    return await ids(engine)
