"""Cursors on the server stay open when other sessions end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker

if TYPE_CHECKING:
    from tools.laboratory import Laboratory

ROWS = text(
    "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 500) SELECT n FROM s"
)
"""More than a driver reads ahead."""


async def read_while_an_older_reader_ends(engine: AsyncEngine, *, closes: bool) -> list[int]:
    """Stream in one session; read in another that was there before, and end it meanwhile."""
    sessions = async_sessionmaker(engine)
    async with sessions() as older, sessions() as streaming:
        await older.execute(text("SELECT * FROM item"))
        rows = await streaming.stream_scalars(ROWS, execution_options={"yield_per": 2})
        got = list(await rows.fetchmany(2))
        await (older.close() if closes else older.rollback())
        # One that begins after the stream, and ends before it.
        async with sessions() as younger:
            await younger.execute(text("SELECT * FROM item"))
        got += list(await rows.all())
        return got


@pytest.mark.parametrize("closes", [False, True], ids=["rolls back", "closes"])
def test_a_reader_that_ends_leaves_the_cursor_of_another_open(
    async_lab: Laboratory,
    closes: bool,  # noqa: FBT001 - a parameter of pytest
) -> None:
    engine = async_lab.async_engine()
    with async_lab.test() as sandbox:
        got = asyncio.run(read_while_an_older_reader_ends(engine, closes=closes))
    assert got == list(range(1, 501))
    assert sandbox.problems == []
