"""Tests at random among all strategies, in random order, on two workers: each finds the template.

`RANDOM_TESTS=1000 pytest tests/strategies/test_thousand.py` runs a thousand of them.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tools.projects import Project

pytestmark = [pytest.mark.server, pytest.mark.timeout(1800)]

NUMBER = int(os.environ.get("RANDOM_TESTS", "100"))
_TESTS = Path(__file__).parents[1]
_SECONDS = 1500.0


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "thousand"
    shutil.copytree(Path(__file__).with_name("thousand"), folder)
    environ = {"RANDOM_TESTS": str(NUMBER), "PYTHONPATH": str(_TESTS)}
    return Project(folder, environ | {"ONELOOP_CACHE_DIR": str(tmp_path / "cache")})


def test_every_test_finds_the_database_as_the_template_has_it(project: Project) -> None:
    with project.started("-n2", "-prandomly", "--randomly-seed=1", "-q") as running:
        done = running.finish(_SECONDS)

    assert done.counts == {"passed": NUMBER}, done.output
    left = {path.name: path.read_text() for path in project.folder.glob("last-*")}
    assert left == {"last-gw0": "", "last-gw1": ""}
