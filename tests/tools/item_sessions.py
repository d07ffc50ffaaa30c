"""Tests whose tasks have a session each, on the table `item`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tools.laboratory import Laboratory

Sessions = async_sessionmaker[AsyncSession]


def check(lab: Laboratory, body: Callable[[Sessions], Awaitable[None]], **options: Any) -> None:
    """Run a body twice, as two tests on two loops, that leave no problem."""
    engine = lab.async_engine(**options)
    for number in range(2):
        with lab.test(f"test_{number}") as sandbox:
            asyncio.run(run(engine, body))
        assert sandbox.problems == []


async def run(engine: AsyncEngine, body: Callable[[Sessions], Awaitable[None]]) -> None:
    await body(async_sessionmaker(engine, expire_on_commit=False))


async def add(session: AsyncSession, number: int) -> None:
    await session.execute(text("INSERT INTO item (id) VALUES (:id)"), {"id": number})


async def ids(sessions: Sessions) -> list[int]:
    async with sessions() as session:
        return list(await session.scalars(text("SELECT id FROM item ORDER BY id")))
