"""What the tests of strategies share: a small project whose tests note each of their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools import projects

if TYPE_CHECKING:
    from pathlib import Path

    from tools.projects import Project

collect_ignore = ["thousand"]  # a project of its own, run by `test_thousand.py`

CONFTEST = """
import pytest


@pytest.fixture(autouse=True)
def noted(request, oneloop):
    with open("runs", "a") as runs:
        runs.write(f"{request.node.name} {oneloop.strategy}\\n")
"""


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder for all runs."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def project(tmp_path: Path, cache: Path) -> Project:
    """A project with one table, whose tests note that they run, and under which strategy."""
    project = projects.notes(tmp_path, ONELOOP_CACHE_DIR=str(cache))
    (project.folder / "test_notes.py").unlink()
    project.write({"conftest.py": CONFTEST})
    return project
