"""OL402: an engine of the process, used on one loop after another (set-up 2)."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_oneloop.doctor import kinds
from pytest_oneloop.doctor.findings import Finding, counted, listed
from pytest_oneloop.doctor.wording import ONE_LOOP, thing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_oneloop.doctor.case import Case
    from pytest_oneloop.doctor.kinds import Value
    from pytest_oneloop.doctor.reading import Facts, Use
    from pytest_oneloop.doctor.sources import Named
    from pytest_oneloop.doctor.suite import Group, Test
    from pytest_oneloop.loops.loopmap import Place

_ONE_LOOP_OTHERWISE = (
    "dispose of it at the end of each test, or run everything on one loop (under anyio: one "
    "asynchronous fixture of session scope with autouse, and anyio_backend of session scope)"
)


@dataclass
class Shared:
    """An object that lives as long as the process, and the loops that use it.

    Attributes:
        name: Its name in the code that uses it.
        value: The object; for a sessionmaker the engine below it.
        users: Who uses it: names of fixtures, `tests`.
        loops: The loops, one text for each: a scope, with what it is of.
        runners: Who runs the tests.
    """

    name: str
    value: Value
    users: dict[str, None] = field(default_factory=dict)
    loops: set[str] = field(default_factory=set)
    runners: set[str] = field(default_factory=set)


def shared(case: Case) -> list[Shared]:
    """Return the objects of the process that fixtures and tests use, with the loops of that."""
    found: dict[Place, Shared] = {}
    for group in case.suite.groups:
        ended = disposed(case, group)
        for user, uses, _, loops in uses_of(case, group):
            for use in uses:
                value = use.value.chain()[-1]
                if use.ends or not value.pooled or value.place in ended:
                    continue
                one = found.setdefault(value.place, Shared(use.name, value))
                one.users[user] = None
                one.loops.update(loops)
                one.runners.add(group.runner)
    return list(found.values())


def disposed(case: Case, group: Group) -> set[Place]:
    """Return the objects of the process whose connections are thrown away after each test."""
    return {
        use.value.chain()[-1].place
        for fixture in case.per_test(group)
        for use in case.facts(fixture).uses
        if use.ends
    }


def engines_of_the_process(case: Case) -> Iterator[Finding]:
    """Find engines, clients and locks of modules that meet more than one event loop."""
    for one in shared(case):
        if len(one.loops) > 1:
            in_database = one.value.kind in kinds.ORM
            yield Finding(
                code="OL402",
                severity="error",
                place=one.value.place,
                message=f"one {thing(one.value)} ({name_of(case, one)}) serves the whole process, "
                f"and {listed(list(one.users))} {_use(one)} it on "
                f"{counted(len(one.loops), 'event loop')}: what one of them opened is used on the "
                "next, “attached to a different loop”.",
                fix=f"{ONE_LOOP if 'asyncio' in one.runners else _ONE_LOOP_OTHERWISE}.",
                with_oneloop="fixed" if in_database or not case.suite.chosen else "fails",
                by_configuration="asyncio" in one.runners,
            )


def name_of(case: Case, one: Shared) -> str:
    """Return the name of an object where it is made, or else that by which it is used."""
    module = case.reading.sources.at(one.value.place.path)
    names = (name for name, node in module.names.items() if isinstance(node, ast.expr))
    values = ((name, case.reading.values.of_global(module, name)) for name in names)
    return next((name for name, value in values if value == one.value), one.name)


def _use(one: Shared) -> str:
    return "use" if len(one.users) > 1 or "tests" in one.users else "uses"


def uses_of(case: Case, group: Group) -> Iterator[tuple[str, list[Use], str, set[str]]]:
    """Yield who uses what on which loops: fixtures by name, and `tests`; the loops' scope, too.

    The application runs on the loop that a request is sent from: that of the tests, for a fixture
    that only makes the client.
    """
    overrides = [one for fixture in case.own(group) for one in case.facts(fixture).overrides]
    for fixture in case.own(group):
        scope = case.loop_scope(fixture, group)
        if scope is not None:
            facts = case.facts(fixture)
            uses, through = facts.uses, _through(case, facts, overrides)
            if group.on_loop and not case.sends(fixture) and scope != group.loop_scope:
                loops = _loops(group, group.loop_scope, group.tests)
                yield fixture.name, through, group.loop_scope, loops
            else:
                uses = [*uses, *through]
            yield fixture.name, uses, scope, _loops(group, scope, group.tests)
    for test in group.tests if group.on_loop else ():
        facts = case.test_facts(test)
        if facts.uses or facts.drives:
            uses = [*facts.uses, *_through(case, facts, overrides)]
            yield "tests", uses, group.loop_scope, _loops(group, group.loop_scope, [test])


def _through(case: Case, facts: Facts, overrides: list[Named]) -> list[Use]:
    """Return the uses of the application that some code can call in memory."""
    through = case.application.outside(overrides) if facts.drives else []
    return [use for opener in through for use in opener.uses]


def _loops(group: Group, scope: str, tests: Iterable[Test]) -> set[str]:
    if scope == "function":
        return {f"function {test.id}" for test in tests}
    if scope == "class":
        return {f"class {group.path}::{group.owner}"}
    if scope == "session":
        return {"session"}
    folder = group.path.rpartition("/")[0]
    return {f"{scope} {group.path if scope == 'module' else folder}"}
