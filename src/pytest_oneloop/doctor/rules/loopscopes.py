"""OL407: loop scopes written again and again. OL408: the `event_loop` fixture of old."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from pytest_oneloop.doctor.findings import Finding, counted
from pytest_oneloop.doctor.sources import Function, first_line
from pytest_oneloop.doctor.wording import LINES, and_one_loop
from pytest_oneloop.loops.loopmap import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.doctor.case import Case

FEW = 3
"""How many markers are as many lines as the configuration that makes them needless."""


def repeated(case: Case) -> Iterator[Finding]:
    """Find loop scopes that stand on tests and fixtures, where the configuration could say it."""
    marked: dict[str, Place] = {}
    for group in case.suite.groups:
        if group.loop_scope == "session":
            for test in group.tests:
                for node in test.marked_by[:1]:
                    marked.setdefault(node, test.place)
    if len(marked) < FEW:
        return
    fixtures = [
        one for one in case.suite.fixtures if one.own and case.named_scope(one) == "session"
    ]
    also = f" and on {counted(len(fixtures), 'fixture')}" if fixtures else ""
    yield Finding(
        code="OL407",
        severity="warning",
        place=next(iter(marked.values())),
        message=f'loop_scope="session" is repeated on {counted(len(marked), "marker")} of tests'
        f"{also}; a test that is added without it runs on another loop than its fixtures.",
        fix=f"remove it there, and write it once: {', '.join(map(' = '.join, LINES))} "
        "in pytest's configuration (oneloop doctor --fix writes them).",
        with_oneloop="fixed",
        by_configuration=True,
    )


def event_loop_fixture(case: Case) -> Iterator[Finding]:
    """Find fixtures named `event_loop`, which pytest-asyncio asked for before its release 1.0."""
    for module in case.reached:
        if "def event_loop" not in module.text:
            continue
        for function in module.functions.values():
            if function.name == "event_loop" and _is_fixture(function):
                yield Finding(
                    code="OL408",
                    severity="warning",
                    place=Place(module.shown, first_line(function)),
                    message="the fixture event_loop is of an old pytest-asyncio: since 1.0 nobody "
                    "asks for it, and the loop scopes of the configuration decide alone.",
                    fix=f"delete it{and_one_loop(case.suite)}.",
                    with_oneloop="fixed",
                    by_configuration=not case.suite.on_one_loop,
                )


def _is_fixture(function: Function) -> bool:
    return any("fixture" in ast.unparse(one) for one in function.decorator_list)
