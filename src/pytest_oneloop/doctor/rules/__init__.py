"""The rules: each a function from the facts of a suite to what it finds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_oneloop.doctor.case import Case
from pytest_oneloop.doctor.findings import in_order
from pytest_oneloop.doctor.rules import (
    clients,
    ddl,
    engines,
    globalengines,
    handing,
    isolation,
    loopscopes,
    overrides,
    unrun,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_oneloop.doctor.findings import Finding

RULES: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    handing.handed_across_loops,
    globalengines.engines_of_the_process,
    engines.engine_per_test,
    isolation.never_rolled_back,
    ddl.tables_per_test,
    engines.null_pool,
    loopscopes.repeated,
    loopscopes.event_loop_fixture,
    clients.test_client,
    overrides.sessions_outside,
)
"""What can be found in tests that run, in the order of their codes, OL401 and on."""

BEFORE: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    unrun.unrun_tests,
    unrun.fixtures_not_awaited,
)
"""What keeps tests from running. Nothing else is said of those: it would not come to pass."""


def examine(case: Case) -> list[Finding]:
    """Return what is found in a suite, errors first.

    A suite that asks for the plugin's own fixtures needs the plugin, so what the plugin mends is
    no finding there.
    """
    stopped = [group for group in case.suite.groups if unrun.is_stopped(case, group)]
    runs = case
    if stopped:
        groups = tuple(group for group in case.suite.groups if group not in stopped)
        runs = Case(replace(case.suite, groups=groups))
    found = [finding for rule in RULES for finding in rule(runs)]
    found += [finding for rule in BEFORE for finding in rule(case)]
    if case.suite.relies_on_plugin:
        found = [finding for finding in found if finding.with_oneloop != "fixed"]
    return in_order(found)
