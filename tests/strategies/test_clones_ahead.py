"""Clones are made ahead, and no more than the collected tests will need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tools.projects import Project

pytestmark = pytest.mark.server

COUNTED = """
import os

from pytest_oneloop.plugin import RUN


def pytest_sessionfinish(session):
    real = session.config.stash[RUN].backends.of("postgresql").isolation
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    if real._lending is not None:
        made = real._lending._clones.made
        with open("clones", "a") as clones:
            clones.write(f"{worker} wanted {real.clones_wanted}, made {made}\\n")
"""
TESTS = """
import pytest
from sqlalchemy import text


@pytest.mark.oneloop(strategy="clone")
@pytest.mark.parametrize("number", range(3))
async def test_marked(db_session, number):
    await db_session.execute(text("SELECT pg_sleep(0.2)"))


async def test_found_out(db_engine):
    async with db_engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM notes"))


async def test_plain(db_session):
    await db_session.execute(text("SELECT 1"))
"""


def made(project: Project, *options: str) -> list[str]:
    done = project.run("-W", "error", *options, "test_it.py")
    assert "failed" not in done.counts, done.output
    path = project.folder / "clones"
    lines = path.read_text().splitlines()
    path.unlink()
    return lines


def test_no_more_are_made_than_tests_want(project: Project) -> None:
    project.write({"conftest.py": COUNTED, "test_it.py": TESTS})
    # The fourth test has to find out that it wants one.
    # One that was put back in time may save another.
    assert made(project) in (["main wanted 3, made 4"], ["main wanted 3, made 3"])
    # That is remembered, and counts from the beginning.
    assert made(project) in (["main wanted 4, made 4"], ["main wanted 4, made 3"])
    assert made(project, "-k", "marked and 1") == ["main wanted 1, made 1"]


def test_workers_together_make_no_more(project: Project) -> None:
    project.write({"conftest.py": COUNTED, "test_it.py": TESTS})
    lines = made(project, "-n2", "-k", "marked")
    assert {line.partition(",")[0].partition(" ")[2] for line in lines} == {"wanted 1"}
    assert sum(int(line.rpartition(" ")[2]) for line in lines) == 3
