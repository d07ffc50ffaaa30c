"""The rules: each a function from the facts of a suite to what it finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_oneloop.doctor.case import Case
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
"""All of them, in the order of their codes, OL401 and on."""


def examine(case: Case) -> list[Finding]:
    """Return what is found in a suite, errors first.

    A suite that asks for the plugin's own fixtures needs the plugin, so what the plugin mends is
    no finding there.
    """
    found = [finding for rule in RULES for finding in rule(case)]
    if case.suite.relies_on_plugin:
        found = [finding for finding in found if finding.with_oneloop != "fixed"]
    return in_order(found)
