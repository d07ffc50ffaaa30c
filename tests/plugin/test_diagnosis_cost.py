"""What it costs to know which loop runs what: under one hundredth of a suite of 1,000 tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import watch_cost
from tools.projects import notes

TESTS = 1000
SHARE = 0.01
SUITE = f"""
import pytest
from sqlalchemy import text


@pytest.mark.parametrize("number", range({TESTS}))
async def test_it(number, db_session):
    await db_session.execute(text("SELECT 1"))
"""


@pytest.mark.server
def test_watching_costs_less_than_a_hundredth(tmp_path: Path) -> None:
    project = notes(tmp_path / "notes")
    project.write({"test_notes.py": SUITE})
    log = tmp_path / "costs.json"

    finished = project.run(
        *("-q", "-p", "tools.watch_cost", "-p", "no:cacheprovider"),
        PYTHONPATH=str(Path(__file__).parents[1]),
        **{watch_cost.LOG: str(log)},
    )

    assert finished.counts == {"passed": TESTS}, finished.output
    costs = json.loads(log.read_text())
    share = costs["watching"] / costs["whole"]
    print(  # noqa: T201 - a figure for whoever runs it with -rP
        f"{1e6 * costs['watching'] / TESTS:.1f} us of {1e6 * costs['whole'] / TESTS:.0f} us for a "
        f"test: {100 * share:.2f} %"
    )
    assert (costs["tests"], costs["steps"]) == (TESTS, TESTS)
    assert 0 < share < SHARE
