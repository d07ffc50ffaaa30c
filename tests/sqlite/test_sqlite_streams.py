"""Rows of changes that are read as they are asked for, beside other connections of the test."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from tools.sqlite_laboratory import SqliteLaboratory

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

RETURNING = "INSERT INTO item (name) VALUES ('a'), ('b'), ('c') RETURNING id"


async def stream(engine: AsyncEngine, statement: str = RETURNING) -> int:
    async with engine.connect() as connection:
        found = await connection.stream(text(statement))
        rows = 0
        async for _ in found:
            await asyncio.sleep(0)
            rows += 1
        await connection.commit()
        return rows


def test_streams_of_several_tasks(file: Path) -> None:
    async def body() -> None:
        engine = lab.async_engine()
        counts = await asyncio.gather(
            *(stream(engine) for _ in range(10)),
            *(stream(engine, "SELECT 1 UNION SELECT 2") for _ in range(10)),
        )
        assert counts == [3] * 10 + [2] * 10
        await engine.dispose()

    with SqliteLaboratory("aiosqlite", file).open() as lab:
        with lab.test() as sandbox:
            asyncio.run(body())
        assert sandbox.problems == []


@pytest.mark.parametrize("sandboxed", [True, False], ids=["sandbox", "sqlite"])
def test_a_commit_of_what_is_half_read_is_refused(file: Path, *, sandboxed: bool) -> None:
    async def body() -> None:
        engine = lab.async_engine()
        async with engine.connect() as connection:
            found = await connection.stream(text(RETURNING))
            assert await found.fetchone() == (1,)
            assert await found.fetchmany(1) == [(2,)]
            with pytest.raises(OperationalError, match="SQL statements in progress"):
                await connection.commit()
            assert await found.fetchall() == [(3,)]
            await connection.rollback()
        await engine.dispose()

    with SqliteLaboratory("aiosqlite", file, sandboxed=sandboxed).open() as lab:
        with lab.test() as sandbox:
            asyncio.run(body())
        assert sandbox.problems == []
