"""Fixtures of a wider scope whose teardown fails when the next test needs another database.

pytest charges the finaliser of a parametrised fixture, which it runs as the next test is set up, to
that test. So does the plugin: the error is shown once, and all that follows is as if none had been.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tools.projects import notes

if TYPE_CHECKING:
    from pathlib import Path

    from tools.projects import Finished

pytestmark = pytest.mark.server

TESTS = """
import asyncio

import pytest
import pytest_asyncio
from notes import Note, new_session
from sqlalchemy import select

torn = []


async def add(text):
    async with new_session.begin() as session:
        session.add(Note(text=text))


async def texts():
    async with new_session() as session:
        return list(await session.scalars(select(Note.text).order_by(Note.id)))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def below():
    await add("below")
    yield
    torn.append("below")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def rows(below):
    await add("row")
    yield
    torn.append("rows")
    if torn.count("rows") == 1:
        FAILS


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def above(rows):
    await add("above")
    yield
    torn.append("above")


@pytest.mark.oneloop(strategy="rollback")
async def test_1(above):
    assert await texts() == ["below", "row", "above"]


@pytest.mark.oneloop(strategy="STRATEGY")
async def test_2(oneloop):
    assert await texts() == []
    assert torn == ["above", "rows", "below"]
    assert oneloop.strategy != "rollback"


@pytest.mark.oneloop(strategy="commit")
async def test_3(rows):
    assert torn == ["above", "rows", "below"]
    assert await texts() == ["below", "row"]
    await add("mine")


@pytest.mark.oneloop(strategy="rollback")
async def test_4(above):
    assert await texts() == ["below", "row", "above"]


async def test_5(rows):
    assert await texts() == ["below", "row", "above"]
"""
SEVERAL = """
import pytest
from notes import Note, engine
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

sync_engine = create_engine(engine.url.set(drivername="postgresql+psycopg"))
found = []


def fixture(name, scope):
    @pytest.fixture(name=name, scope=scope)
    def rows():
        with Session(sync_engine) as session, session.begin():
            session.add(Note(text=name))
        yield
        with Session(sync_engine) as session:
            found.append([name, *session.scalars(select(Note.text).order_by(Note.id))])
        FAILS

    return rows


first = fixture("first", "session")
second = fixture("second", "module")
third = fixture("third", "module")


@pytest.mark.oneloop(strategy="rollback")
def test_1(first, second, third): ...


@pytest.mark.oneloop(strategy="commit")
def test_2(): ...


def test_3():
    assert [one[0] for one in found] == ["third", "second", "first"]
    assert found[0] == ["third", "first", "second", "third"]
"""
FAILURES = {
    "error": ('raise RuntimeError("broken")', "RuntimeError: broken"),
    "outcome": ('pytest.fail("broken")', "Failed: broken"),
    "refused": ("await asyncio.to_thread(asyncio.run, texts())", "OL203: in code outside of"),
}


def run(folder: Path, strategy: str, failure: str, *options: str) -> Finished:
    """Run the tests, with a teardown that fails in such a way."""
    project = notes(folder)
    fails, _ = FAILURES[failure]
    project.write({"test_notes.py": TESTS.replace("FAILS", fails).replace("STRATEGY", strategy)})
    return project.run("-rN", *options)


def shown(done: Finished, failure: str) -> None:
    """Assert that the failure is shown once, as the next test's."""
    assert done.output.count("ERROR at setup of test_2") == 1, done.output
    _, text = FAILURES[failure]
    assert len(re.findall(f"^E .*{text}", done.output, re.MULTILINE)) == 1, done.output


@pytest.mark.parametrize(
    ("strategy", "failure"),
    [("commit", "error"), ("clone", "refused"), ("auto", "outcome"), ("auto", "error")],
)
def test_the_error_is_of_the_next_test_alone(strategy: str, failure: str, tmp_path: Path) -> None:
    done = run(tmp_path, strategy, failure)

    assert done.counts == {"passed": 4, "error": 1}, done.output
    shown(done, failure)


@pytest.mark.parametrize("strategy", ["commit", "auto"])
def test_a_run_that_stops_there_tears_all_down(strategy: str, tmp_path: Path) -> None:
    done = run(tmp_path, strategy, "error", "-x")

    assert done.counts == {"passed": 1, "error": 1}, done.output
    shown(done, "error")


def test_the_fixture_that_was_set_up_last_is_torn_down_first(tmp_path: Path) -> None:
    project = notes(tmp_path)
    project.write({"test_notes.py": SEVERAL.replace("FAILS", "")})

    done = project.run()

    assert done.counts == {"passed": 3}, done.output


def test_all_are_torn_down_and_each_failure_is_shown(tmp_path: Path) -> None:
    project = notes(tmp_path)
    fails = "(pytest.fail if name == 'second' else int)(f'broken {name}')"
    project.write({"test_notes.py": SEVERAL.replace("FAILS", fails)})

    done = project.run("-rN", "--tb=short")

    assert done.counts == {"passed": 2, "error": 1}, done.output
    assert "errors while tearing down fixtures of wider scopes (3 sub-exceptions)" in done.output
    for name in ("first", "second", "third"):
        assert done.output.count(f"broken {name}") == 1, done.output
