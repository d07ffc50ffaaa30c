"""Savepoints that an application writes as text."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tools.combinations import having

if TYPE_CHECKING:
    from tools.laboratory import Laboratory


async def savepoints(lab: Laboratory) -> None:
    """Go back to a savepoint; find that it is unknown after its transaction."""
    engine = lab.async_engine()
    async with engine.connect() as connection:
        await connection.execute(text("INSERT INTO item (id) VALUES (1)"))
        await connection.execute(text("SAVEPOINT mine"))
        await connection.execute(text("INSERT INTO item (id) VALUES (2)"))
        await connection.execute(text("ROLLBACK TO SAVEPOINT mine"))
        await connection.execute(text("RELEASE SAVEPOINT mine"))
        await connection.execute(text("SAVEPOINT mine"))
        await connection.commit()
        with pytest.raises(DBAPIError):
            await connection.execute(text("RELEASE SAVEPOINT mine"))
        await connection.rollback()
        found = await connection.scalars(text("SELECT id FROM item"))
        assert found.all() == [1]
        await connection.execute(text("DELETE FROM item"))
        await connection.commit()
    if not lab.sandboxed:
        await engine.dispose()


def test_an_asynchronous_connection_takes_savepoints_as_text(async_lab: Laboratory) -> None:
    with async_lab.test() as sandbox:
        asyncio.run(savepoints(async_lab))
    assert sandbox.problems == []


@pytest.mark.parametrize("bare_lab", having("tasks"), indirect=True)
def test_a_real_database_takes_them_alike(bare_lab: Laboratory) -> None:
    asyncio.run(savepoints(bare_lab))
