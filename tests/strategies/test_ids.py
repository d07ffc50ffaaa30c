"""Ids start over under every strategy, unless that is switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tools.projects import Project

pytestmark = pytest.mark.server

TESTS = """
import pytest
from sqlalchemy import text

ORDER = ["rollback", "rollback", "commit", "rollback", "clone", "clone", "rollback", "commit"]


def pytest_generate_tests(metafunc):
    metafunc.parametrize(
        "number",
        [
            pytest.param(number, marks=pytest.mark.oneloop(strategy=strategy))
            for number, strategy in enumerate(ORDER)
        ],
    )


async def test_it(number, oneloop, db_session):
    assert oneloop.strategy == ORDER[number]
    insert = text("INSERT INTO notes (text) VALUES ('a') RETURNING id")
    with open("ids", "a") as ids:
        ids.write(f"{await db_session.scalar(insert)} ")
    await db_session.commit()
"""


@pytest.mark.parametrize("on", [True, False], ids=["on", "off"])
def test_ids(project: Project, *, on: bool) -> None:
    project.write({"test_it.py": TESTS})
    options = () if on else ("-o", "oneloop_restart_sequences=false")
    done = project.run("-W", "error", *options, "test_it.py")
    assert done.counts == {"passed": 8}, done.output
    ids = [int(one) for one in (project.folder / "ids").read_text().split()]
    if on:
        assert ids == [1] * 8
    else:
        # What is committed is put back all the same: to where the first such test has found it.
        assert ids == [1, 2, 3, 3, 1, 1, 4, 5]
