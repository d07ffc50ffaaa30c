"""Thousands of tests in one process: memory, file descriptors and server connections stay flat."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tools.projects import notes

if TYPE_CHECKING:
    from pathlib import Path

    from tools.projects import Project

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]

_SECONDS = 500.0

MEASURED = """
import json
import os

from sqlalchemy import text

from notes import Note, new_session

OPEN = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")


async def write(number):
    async with new_session() as session:
        session.add(Note(text=str(number)))
        await session.commit()
        return await session.scalar(OPEN) if number % 100 == 99 else None


def note(number, connections):
    if connections is None:
        return
    with open("/proc/self/status") as status:
        resident = int(status.read().partition("VmRSS:")[2].split()[0])
    figures = [number + 1, resident * 1024, len(os.listdir("/proc/self/fd")), connections]
    with open("figures", "a") as file:
        file.write(json.dumps(figures) + "\\n")
"""
ASYNCHRONOUS = """
import pytest

from measured import note, write


@pytest.mark.parametrize("number", range({tests}))
async def test_a_commit(number):
    note(number, await write(number))
"""
SYNCHRONOUS = """
import asyncio

import pytest

from measured import note, write


@pytest.mark.parametrize("number", range({tests}))
def test_a_commit(number):
    note(number, asyncio.run(write(number)))
"""


@dataclass(frozen=True)
class Figures:
    """What a run used after a number of its tests.

    Attributes:
        tests: That number.
        memory: Bytes that are resident.
        descriptors: File descriptors that are open.
        connections: Of the run to its database, by the server's account.
    """

    tests: int
    memory: int
    descriptors: int
    connections: int


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return notes(tmp_path / "notes")


def measure(project: Project, tests: str, number: int, *options: str) -> list[Figures]:
    """Run so many tests, of which each commits a row, and measure after every hundred."""
    project.write({"measured.py": MEASURED, "test_notes.py": tests.format(tests=number)})
    # Left alone, the tests that count connections would be run on a real database, which has more.
    with project.started("-q", "--oneloop-strategy=rollback", *options) as running:
        done = running.finish(_SECONDS)
    assert done.counts == {"passed": number}, done.output
    lines = (project.folder / "figures").read_text().splitlines()
    return [Figures(*json.loads(line)) for line in lines]


def test_five_thousand_tests_on_one_loop(project: Project) -> None:
    figures = {at.tests: at for at in measure(project, ASYNCHRONOUS, 5000)}

    grown = figures[5000].memory - figures[500].memory
    print(f"{grown / 2**20:.1f} MB more after 5000 tests than after 500")  # noqa: T201
    # More than half of it is what pytest keeps of every test.
    assert grown < 20 * 2**20
    assert len({at.descriptors for at in figures.values()}) == 1
    assert {at.connections for at in figures.values()} == {1}


@pytest.mark.parametrize(
    ("tests", "options"),
    [
        (ASYNCHRONOUS, ("-o", "asyncio_default_test_loop_scope=function")),
        (SYNCHRONOUS, ()),
    ],
    ids=["a-loop-for-each-test", "synchronous"],
)
def test_eight_hundred_tests_on_eight_hundred_loops(
    tests: str, options: tuple[str, ...], project: Project
) -> None:
    figures = measure(project, tests, 800, *options)

    assert len({at.descriptors for at in figures[1:]}) == 1
    # The server may take a moment to notice that the one before has ended.
    assert max(at.connections for at in figures) <= 2
    assert figures[-1].memory - figures[2].memory < 5 * 2**20
