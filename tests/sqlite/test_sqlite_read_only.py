"""Engines whose URL says that nothing is changed by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools import projects

if TYPE_CHECKING:
    from pathlib import Path

TESTS = """
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine

from notes import engine

TAILS = ["mode=ro&uri=true", "immutable=1&uri=true"]
WRITES = "INSERT INTO notes (text) VALUES ('b')"
COUNTS = "SELECT count(*) FROM notes"


@pytest.mark.parametrize("tail", TAILS)
def test_sync(tail):
    with create_engine("sqlite:///shop.db").begin() as connection:
        connection.execute(text(WRITES))
    with create_engine(f"sqlite:///file:shop.db?{tail}").connect() as connection:
        assert connection.scalar(text(COUNTS)) == 1
        for sql in (WRITES, "CREATE TABLE more (id int)", "DELETE FROM notes"):
            with pytest.raises(OperationalError, match="attempt to write a readonly database"):
                connection.execute(text(sql))
        assert connection.scalar(text(COUNTS)) == 1
        connection.commit()
    # Nobody else is bound by it.
    with create_engine("sqlite:///file:shop.db?mode=rwc&uri=true").begin() as connection:
        connection.execute(text(WRITES))
        assert connection.scalar(text(COUNTS)) == 2


@pytest.mark.parametrize("tail", TAILS)
async def test_async(tail):
    async with engine.begin() as connection:
        await connection.execute(text(WRITES))
    reader = create_async_engine(f"sqlite+aiosqlite:///file:notes.db?{tail}")
    async with reader.connect() as connection:
        assert await connection.scalar(text(COUNTS)) == 1
        with pytest.raises(OperationalError, match="attempt to write a readonly database"):
            await connection.execute(text(WRITES))
    await reader.dispose()
    async with engine.begin() as connection:
        await connection.execute(text(WRITES))
        assert await connection.scalar(text(COUNTS)) == 2
"""


@pytest.mark.parametrize("strategy", ["rollback", "commit", "clone"])
def test_they_change_nothing(tmp_path: Path, strategy: str) -> None:
    project = projects.notes(
        tmp_path / "project",
        ONELOOP_CACHE_DIR=str(tmp_path / "cache"),
        NOTES_URL="sqlite+aiosqlite:///notes.db",
    )
    project.write({"test_notes.py": TESTS})
    done = project.run(f"--oneloop-strategy={strategy}")
    assert done.counts == {"passed": 4}, done.output
