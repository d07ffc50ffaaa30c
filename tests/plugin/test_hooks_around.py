"""What hooks of pytest commit before the first test is there for hooks, and for no test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.projects import notes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.server

CONFTEST = """
from notes import Note, engine
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

sync_engine = create_engine(engine.url.set(drivername="postgresql+psycopg"))


def note(who):
    with Session(sync_engine) as session, session.begin():
        there = list(session.scalars(select(Note.text).order_by(Note.id)))
        session.add(Note(text=who))
    with open("found", "a") as found:
        print(who, *there, file=found)


def pytest_sessionstart():
    note("start")


def pytest_collection_finish():
    note("collected")


def pytest_sessionfinish():
    note("finish")
"""
TESTS = """
import pytest
from conftest import note


@pytest.mark.parametrize("number", range(2))
@pytest.mark.oneloop(strategy="STRATEGY")
def test_it(number):
    note("test")
"""


@pytest.mark.parametrize("strategy", ["rollback", "commit", "clone"])
def test_no_test_finds_what_hooks_have_written(strategy: str, tmp_path: Path) -> None:
    project = notes(tmp_path)
    tests = TESTS.replace("STRATEGY", strategy)
    project.write({"conftest.py": CONFTEST, "test_notes.py": tests})

    done = project.run("-W", "error")

    assert done.counts == {"passed": 2}, done.output
    found = (project.folder / "found").read_text().splitlines()
    assert found == ["start", "collected start", "test", "test", "finish"]
