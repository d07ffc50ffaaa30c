"""Code outside of any test is in the sandbox, whatever the test before it was under."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tools.projects import Project

pytestmark = pytest.mark.server

CONFTEST = """
import asyncio

from sqlalchemy import text

from notes import new_session


async def note(who):
    async with new_session() as session:
        there = await session.scalar(text("SELECT count(*) FROM notes"))
        insert = text("INSERT INTO notes (text) VALUES ('a') RETURNING id")
        with open("found", "a") as found:
            found.write(f"{who} {there} {await session.scalar(insert)}\\n")
        await session.commit()


def pytest_runtest_logfinish(nodeid):
    asyncio.run(note("outside"))
"""
TESTS = """
import pytest

from conftest import note


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize(
    "strategy",
    [
        pytest.param(one, marks=pytest.mark.oneloop(strategy=one))
        for one in ("rollback", "commit", "clone")
    ],
)
async def test_it(strategy, times, oneloop):
    await note(oneloop.strategy)
"""


def test_code_between_tests_leaves_nothing(project: Project) -> None:
    project.write({"conftest.py": CONFTEST, "test_it.py": TESTS})

    done = project.run("-W", "error", "test_it.py")

    assert done.counts == {"passed": 6}, done.output
    order = [who for one in ("rollback", "commit", "clone") for who in [one, "outside"] * 2]
    found = (project.folder / "found").read_text().splitlines()
    assert found == [f"{who} 0 1" for who in order]
