"""Projects and inner runs that the tests of more than one file need."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tools.bazaar import MAIN
from tools.scoped_runs import PLUGIN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project whose package `bazaar` Python can import, forgotten again after the test."""
    package = tmp_path / "bazaar"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "main.py").write_text(MAIN)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [one for one in sys.modules if one.partition(".")[0] == "bazaar"]:
        del sys.modules[name]


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An inner pytest, with a plugin that prints the loop scopes of its tests."""
    # Each inner run imports its plugins anew: with only those that matter it takes a tenth.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(scoped=PLUGIN)
    pytester.syspathinsert()
    return pytester
