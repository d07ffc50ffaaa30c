"""A suite as it runs with this plugin, which chooses loop scopes that the project leaves open."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_oneloop.loops.scopes import FIXTURE_SCOPE, TEST_SCOPE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.doctor.suite import Group, Suite


def with_plugin(suite: Suite) -> Suite:
    """Return a suite with the loop scopes that `loops/scopes.py` gives it, from its first lines."""
    if suite.mode is None:
        return suite
    test, fixture = _scopes(suite)
    return replace(
        suite,
        test_loop_scope=test,
        fixture_loop_scope=fixture,
        groups=tuple(one for group in suite.groups for one in _moved(group, test)),
    )


def _scopes(suite: Suite) -> tuple[str, str | None]:
    """Return the loop scopes of tests and fixtures; `None` for that of each fixture itself."""
    test, fixture = suite.test_loop_scope, suite.fixture_loop_scope
    if TEST_SCOPE not in suite.named and FIXTURE_SCOPE not in suite.named:
        return "session", "session"
    if FIXTURE_SCOPE not in suite.named:
        return test, None if test == "function" else test
    if TEST_SCOPE not in suite.named:
        return fixture or "function", fixture
    return test, fixture


def _moved(group: Group, scope: str) -> Iterator[Group]:
    """Yield the tests of a group on their loops: those whose marker names none have moved."""
    if group.runner != "asyncio" or group.loop_scope == scope:
        yield group
        return
    marked = tuple(test for test in group.tests if test.marked_by)
    others = tuple(test for test in group.tests if not test.marked_by)
    if marked:
        yield replace(group, tests=marked)
    if others:
        yield replace(group, tests=others, loop_scope=scope)
