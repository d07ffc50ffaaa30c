"""What the tests of the doctor share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.projects import Project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def few_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load pytest-asyncio alone into the inner runs: the others take longer than the suites."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p pytest_asyncio.plugin")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project."""
    return Project(tmp_path)
