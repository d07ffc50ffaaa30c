"""The fixtures end while a task that the test has left behind is still at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.projects import notes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.server

TESTS = """
import asyncio

from notes import Note, new_session
from sqlalchemy import func, select, text

left = []


async def sleep():
    async with new_session() as session:
        await session.execute(text("SELECT pg_sleep(1)"))


async def test_leaves_a_task_behind(db_session, oneloop):
    db_session.add(Note(text="hello"))
    await db_session.flush()
    before = oneloop.statement_count
    left.append(asyncio.create_task(sleep()))
    while oneloop.statement_count == before:
        await asyncio.sleep(0)


async def test_the_next_one(db_session):
    await asyncio.wait(left)
    assert [task.exception() for task in left] == [None]
    assert await db_session.scalar(select(func.count(Note.id))) == 0
"""


def test_a_session_is_closed_while_a_task_is_in_the_middle_of_a_statement(tmp_path: Path) -> None:
    project = notes(tmp_path)
    project.write({"test_notes.py": TESTS})

    finished = project.run("-W", "error")

    assert finished.counts == {"passed": 2}, finished.output
