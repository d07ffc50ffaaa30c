"""Inner runs of pytest that print each test's runner and loop scope."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

RELEASE = tuple(map(int, version("pytest-asyncio").split(".")[:2]))
"""Of pytest-asyncio."""

PLUGIN = """
import pytest
from pytest_oneloop.loops.scopes import (
    default_loop_scopes, follow_fixtures, loop_scope_of, runner_of
)

KEY = pytest.StashKey()

@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config, parser, args):
    early_config.stash[KEY] = default_loop_scopes(parser, early_config.getini)

@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    follow_fixtures(config.stash[KEY], items, pytest.mark.asyncio)

def pytest_report_header(config):
    return f"scopes: {config.stash[KEY]}"

def pytest_collection_finish(session):
    for item in session.items:
        print(f"item: {item.nodeid.split('::', 1)[1]} {runner_of(item)} {loop_scope_of(item)}")
"""


def run(inner: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return inner.runpytest_inprocess(
        "-p", "pytest_asyncio.plugin", "-p", "scoped", "-s", *arguments
    )


def lines(result: pytest.RunResult, prefix: str) -> list[str]:
    return [line.removeprefix(prefix) for line in result.outlines if line.startswith(prefix)]
