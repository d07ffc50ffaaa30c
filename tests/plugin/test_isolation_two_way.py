"""Every promise of isolation, with the plugin off and on: off, the same tests have to fail.

Off, the fixtures `client` and `db_session` come from a plugin outside the project, and the
database is a real one, migrated.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.projects import SECONDS, shop
from tools.servers import database_url

if TYPE_CHECKING:
    from pytest_oneloop.databases.address import ServerAddress
    from tools.projects import Finished, Project

pytestmark = pytest.mark.server

PROMISES = Path(__file__).parents[1] / "promises"
SEEDS = (1, 2, 3)
GROUPS = {
    "test_a_commit_in_the_application": 3,
    "test_rows_of_the_middleware_and_of_the_background_task": 2,
    "test_rows_of_the_driver_and_of_the_engine": 2,
    "test_a_setting_written_at_start_up": 2,
    "test_the_seed_rows_of_a_migration": 2,
}
"""The tests of `tests/test_isolation.py` of the example, and how many there are of each."""

_LISTED = re.compile(r"^(PASSED|FAILED|ERROR) tests/\w+\.py::(\w+?)(?:_\d|\[\d\])", re.MULTILINE)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a copy of the example with the promises among its tests."""
    laid = shop(tmp_path / "shop")
    for file in (PROMISES / "tests").glob("test_*.py"):
        shutil.copy(file, laid.folder / "tests")
    return laid


@pytest.fixture
def migrated(tcp_database: ServerAddress, project: Project) -> str:
    """Return the URL of a database that the example's own migrations have made."""
    url = database_url(tcp_database)
    subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=project.folder,
        env={**os.environ, "SHOP_DATABASE_URL": url},
        check=True,
        capture_output=True,
        timeout=SECONDS,
    )
    return url


def run_off(project: Project, url: str, *options: str) -> Finished:
    """Run tests without the plugin, on one loop, as a project would have it by hand."""
    return project.run(
        *("-p", "no:oneloop", "-p", "plain_fixtures", "-rA", "--tb=short"),
        *("-o", "asyncio_default_test_loop_scope=session"),
        *("-o", "asyncio_default_fixture_loop_scope=session"),
        *options,
        PYTHONPATH=str(PROMISES),
        SHOP_DATABASE_URL=url,
    )


def in_order_of(seed: int) -> tuple[str, str, str]:
    """Return the options that have pytest-randomly order the tests."""
    return ("-p", "pytest_randomly", f"--randomly-seed={seed}")


def outcomes(done: Finished) -> dict[str, Counter[str]]:
    """Return, for each group of tests that do the same, how many had which outcome."""
    found: dict[str, Counter[str]] = {}
    for outcome, group in _LISTED.findall(done.output):
        found.setdefault(group, Counter())[outcome] += 1
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_off_one_of_each_pair_fails(seed: int, project: Project, migrated: str) -> None:
    done = run_off(project, migrated, *in_order_of(seed), "tests/test_promises.py")

    pairs = outcomes(done)
    assert len(pairs) == 16
    one_of_each = Counter(PASSED=1, FAILED=1)
    assert all(pair == one_of_each for pair in pairs.values()), done.output


def test_off_the_lifespan_has_written_already(project: Project, migrated: str) -> None:
    done = run_off(project, migrated, "tests/test_lifespan.py")

    assert done.counts == {"passed": 1, "failed": 1}, done.output


@pytest.mark.parametrize("group", GROUPS)
def test_off_the_example_finds_what_others_left(
    group: str, project: Project, migrated: str
) -> None:
    done = run_off(project, migrated, "tests/test_isolation.py", "-k", group)

    assert outcomes(done) == {group: Counter(PASSED=1, FAILED=GROUPS[group] - 1)}, done.output


@pytest.mark.parametrize("seed", SEEDS)
def test_on_all_pass(seed: int, project: Project) -> None:
    done = project.run(
        *in_order_of(seed),
        *("tests/test_promises.py", "tests/test_lifespan.py", "tests/test_isolation.py"),
    )

    assert done.counts == {"passed": 2 * 16 + 2 + sum(GROUPS.values())}, done.output
