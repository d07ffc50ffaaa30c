"""`auto` beside pytest's own options, and beside other plugins."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tools.attempts import take_runs, told

if TYPE_CHECKING:
    from tools.projects import Project

pytestmark = pytest.mark.server

TESTS = """
import pytest
from sqlalchemy import text

INSERT = text("INSERT INTO notes (text) VALUES ('a')")


async def test_needs(oneloop, db_session):
    await db_session.execute(INSERT)
    await db_session.commit()
    assert oneloop.strategy == "commit"


async def test_fails(oneloop, db_session):
    await db_session.execute(INSERT)
    assert "this" == "that"


async def test_limit(db_session):
    await db_session.execute(text("NOTIFY x"))


async def test_passes(db_session):
    await db_session.execute(INSERT)
    assert await db_session.scalar(text("SELECT count(*) FROM notes")) == 1
"""
AGAIN = ["rollback", "commit"]
ALL = {
    "test_needs": AGAIN,
    "test_fails": AGAIN,
    "test_limit": AGAIN,
    "test_passes": ["rollback"],
}


@pytest.fixture
def project(project: Project) -> Project:
    project.write({"test_it.py": TESTS})
    return project


def test_it_stops_at_what_fails_in_the_end(project: Project) -> None:
    done = project.run("-x", "test_it.py")
    assert done.counts == {"passed": 1, "failed": 1}, done.output
    assert take_runs(project) == {"test_needs": AGAIN, "test_fails": AGAIN}
    # What needed a real database is known by now, and is not what failed last.
    done = project.run("--lf", "--maxfail=1", "test_it.py")
    assert done.counts == {"failed": 1, "deselected": 3}, done.output
    assert take_runs(project) == {"test_fails": AGAIN}


def test_the_debugger_opens_where_it_fails_in_the_end(project: Project) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:randomly", "--pdb", "test_it.py"],
        cwd=project.folder,
        env=project.environ,
        input="p 'here', oneloop.strategy\nc\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.count("entering PDB") == 1, done.stdout
    assert "('here', 'commit')" in done.stdout
    assert "1 failed, 3 passed" in done.stdout
    assert take_runs(project) == ALL


def test_setups_are_shown_in_the_sandbox_alone(project: Project) -> None:
    done = project.run("--setup-show", "test_it.py")
    assert done.counts == {"passed": 2, "failed": 2}, done.output
    assert set(map(tuple, take_runs(project).values())) == {("rollback",)}


def test_tests_are_collected_and_none_is_run(project: Project) -> None:
    done = project.run("--collect-only", "-q", "test_it.py")
    assert "4 tests collected" in done.output
    assert take_runs(project) == {}


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "workers"])
def test_nothing_is_remembered_without_a_cache(project: Project, workers: tuple[str, ...]) -> None:
    done = project.run("-p", "no:cacheprovider", *workers, "test_it.py")
    assert done.counts == {"passed": 3, "failed": 1}, done.output
    assert told(done, "test_it.py").keys() == {"test_needs", "test_limit"}
    assert take_runs(project) == ALL
    assert not (project.folder / ".pytest_cache").exists()


def test_workers_tell_what_they_have_found_out(project: Project) -> None:
    done = project.run("-n2", "test_it.py")
    assert done.counts == {"passed": 3, "failed": 1}, done.output
    assert told(done, "test_it.py").keys() == {"test_needs", "test_limit"}
    assert take_runs(project) == ALL
    known = {**ALL, "test_needs": ["commit"], "test_limit": ["commit"]}
    done = project.run("-n2", "test_it.py")
    assert done.counts == {"passed": 3, "failed": 1}, done.output
    assert told(done, "test_it.py").keys() == {"test_needs", "test_limit"}
    assert take_runs(project) == known


def test_reruns_are_of_the_second_run(project: Project) -> None:
    done = project.run("-p", "rerunfailures", "--reruns=1", "test_it.py")
    assert done.counts == {"passed": 3, "failed": 1}, done.output
    assert " 1 rerun " in done.output.replace(",", " ")
    assert take_runs(project) == {**ALL, "test_fails": ["rollback", "commit", "commit"]}


SLOW = """
import asyncio
import time

import pytest
from sqlalchemy import text


@pytest.mark.timeout(1.5)
async def test_slow(db_session):
    await db_session.execute(text("NOTIFY x"))
    time.sleep(1)


@pytest.mark.timeout(1.5)
async def test_stuck(oneloop, db_session):
    await db_session.execute(text("SELECT 1"))
    if oneloop.strategy == "rollback":
        time.sleep(60)


@pytest.mark.timeout(0.5, func_only=True)
async def test_stuck_for_good(oneloop, db_session):
    await db_session.execute(text("SELECT 1"))
    time.sleep(60)
"""


def test_each_run_has_the_time_that_a_test_has(project: Project) -> None:
    project.write({"test_it.py": SLOW})
    done = project.run("test_it.py")
    assert done.counts == {"passed": 2, "failed": 1}, done.output
    assert set(map(tuple, take_runs(project).values())) == {tuple(AGAIN)}
    assert told(done, "test_it.py") == {
        "test_slow": "commit: LISTEN and NOTIFY need commits",
        "test_stuck": "commit: failed under rollback: Failed: Timeout (>1.5s) from pytest-timeout.",
    }
