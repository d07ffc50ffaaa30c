"""A fixture that outlives its test is told that its rows do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.errors.sandbox import ScopedRowsWarning
from tools.projects import notes

if TYPE_CHECKING:
    from pathlib import Path

FIXTURE = """
import pytest
import pytest_asyncio
from notes import Note, new_session
from sqlalchemy import func, select


@pytest_asyncio.fixture(scope="{scope}", loop_scope="session")
async def a_note():
    async with new_session() as session:
        {work}


@pytest.mark.parametrize("number", range(2))
async def test_it_is_there(a_note, number):
    async with new_session() as session:
        assert await session.scalar(select(func.count(Note.id))) == 1 - {lost} * number
"""
WRITE = 'session.add(Note(text="hello")); await session.commit()'
READ = "await session.scalar(select(func.count(Note.id)))"


@pytest.mark.parametrize("scope", ["class", "module", "session"])
def test_a_fixture_of_a_wider_scope_that_writes(tmp_path: Path, scope: str) -> None:
    project = notes(tmp_path)
    lost = scope != "class"
    project.write({"test_notes.py": FIXTURE.format(scope=scope, work=WRITE, lost=int(lost))})

    finished = project.run()

    warning = ScopedRowsWarning(
        fixture="a_note", scope=scope, test="test_notes.py::test_it_is_there[0]"
    )
    told = "\n".join(f"  {line}" for line in f"ScopedRowsWarning: {warning}".splitlines())
    assert finished.output.count(told.strip()[:120]) == (1 if lost else 2)
    assert finished.counts["passed"] == 2


@pytest.mark.parametrize(("scope", "work"), [("function", WRITE), ("session", READ)])
def test_a_fixture_that_loses_nothing_is_told_nothing(
    tmp_path: Path, scope: str, work: str
) -> None:
    project = notes(tmp_path)
    text = FIXTURE.format(scope=scope, work=work, lost=0)
    if work == READ:
        text = text.replace("== 1 - 0 * number", "== 0")
    project.write({"test_notes.py": text})

    finished = project.run("-W", "error")

    assert finished.counts == {"passed": 2}, finished.output
