"""OL403: an engine for each test (set-up 3). OL406: `NullPool` as a way out."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from pytest_oneloop.doctor import kinds
from pytest_oneloop.doctor.findings import Finding, counted
from pytest_oneloop.doctor.rules.globalengines import disposed
from pytest_oneloop.doctor.wording import a_thing, and_one_loop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.doctor.case import Case
    from pytest_oneloop.doctor.kinds import Value
    from pytest_oneloop.doctor.suite import Fixture
    from pytest_oneloop.loops.loopmap import Place


def engine_per_test(case: Case) -> Iterator[Finding]:
    """Find fixtures of function scope that make an engine, or throw away its connections."""
    makers: dict[Fixture, tuple[Value, int]] = {}
    throwers: dict[Fixture, tuple[str, int]] = {}
    for group in case.suite.groups:
        for fixture in case.per_test(group):
            facts = case.facts(fixture)
            for value in facts.makes:
                if value.kind in {kinds.ENGINE, kinds.POOL}:
                    makers[fixture] = (value, makers.get(fixture, (value, 0))[1] + len(group.tests))
                    break
            ends = [use for use in facts.uses if use.ends and use.value.kind in kinds.ORM]
            if ends and disposed(case, group):
                name = ends[0].name
                throwers[fixture] = (name, throwers.get(fixture, (name, 0))[1] + len(group.tests))
    for fixture, (value, tests) in makers.items():
        yield Finding(
            code="OL403",
            severity="warning",
            place=fixture.place,
            message=f"the fixture {fixture.name} makes {a_thing(value)} for each of "
            f"{counted(tests, 'test')}, so that each one opens connections of its own: no pooling, "
            "and load on the server.",
            fix=f'give {fixture.name} scope="session"{and_one_loop(case.suite)}.',
            with_oneloop="slower",
        )
    for fixture, (name, tests) in throwers.items():
        yield Finding(
            code="OL403",
            severity="warning",
            place=fixture.place,
            message=f"the fixture {fixture.name} throws the connections of {name} away after each "
            f"of {counted(tests, 'test')}, so that each one opens its own: no pooling, and load on "
            "the server.",
            fix=f"dispose of {name} once, at the end of the run{and_one_loop(case.suite)}.",
            with_oneloop="fixed",
        )


def null_pool(case: Case) -> Iterator[Finding]:
    """Find engines of tests, and of an application under test, that keep no connection."""
    for value in set(_without_pool(case)):
        yield Finding(
            code="OL406",
            severity="warning",
            place=value.place,
            message="this engine has NullPool, so that no connection can meet another loop: each "
            "session of each test opens a connection, which takes many times as long as a query.",
            fix=f"leave poolclass out{and_one_loop(case.suite)}.",
            with_oneloop="fixed",
        )


def _without_pool(case: Case) -> Iterator[Value]:
    places: set[Place] = set()
    for fixture in case.suite.fixtures:
        for value in case.facts(fixture).makes:
            if value.kind == kinds.ENGINE and not value.pooled and value.place not in places:
                places.add(value.place)
                yield value
    for module in case.reached:
        in_tests = module.shown in case.test_files
        for name, node in module.names.items() if "NullPool" in module.text else ():
            if not isinstance(node, ast.expr) or "NullPool" not in ast.unparse(node):
                continue
            found = case.reading.values.of_global(module, name)
            # An application may have its reasons, a pooler in front of its server for one; but not
            # for asking whether it is tested.
            chosen = any(isinstance(one, ast.IfExp) for one in ast.walk(node))
            if found is not None and found.kind == kinds.ENGINE and (in_tests or chosen):
                yield found
