"""OL404: what one test commits, the next one sees (set-up 4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_oneloop.doctor import kinds
from pytest_oneloop.doctor.findings import Finding, counted, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.doctor.case import Case
    from pytest_oneloop.doctor.kinds import Value
    from pytest_oneloop.doctor.suite import Fixture, Group
    from pytest_oneloop.loops.loopmap import Place

_WRITERS = {kinds.SESSIONMAKER, kinds.SESSION, kinds.POOL}


@dataclass
class Leak:
    """A database that tests write to, and that nothing puts back."""

    users: dict[str, Place] = field(default_factory=dict)
    tests: set[str] = field(default_factory=set)


def never_rolled_back(case: Case) -> Iterator[Finding]:
    """Find sessions that commit to the database itself, with nothing to undo it after the test."""
    leaks: dict[Place, Leak] = {}
    for group in case.suite.groups:
        if any(_isolates(case, fixture, group) for fixture in case.per_test(group)):
            continue
        if not case.commits(group):
            continue
        for name, place, engine in _writers(case, group):
            leak = leaks.setdefault(engine, Leak())
            leak.users.setdefault(name, place)
            leak.tests.update(test.id for test in group.tests)
    for leak in leaks.values():
        if len(leak.tests) > 1:
            names = list(leak.users)
            yield Finding(
                code="OL404",
                severity="warning",
                place=next(iter(leak.users.values())),
                message=f"{counted(len(leak.tests), 'test')} write to the database by "
                f"{listed(names)}, and nothing is rolled back: what one test commits, the next "
                "one sees.",
                fix="open one connection per test, begin a transaction on it, bind sessions to it "
                'with join_transaction_mode="create_savepoint", and roll it back after the test.',
                with_oneloop="fixed",
            )


def _isolates(case: Case, fixture: Fixture, group: Group) -> bool:
    """Tell whether a fixture, set up for each test, leaves the database as it was."""
    facts = case.facts(fixture)
    if facts.drops or facts.cleans or any(value.memory for value in facts.makes):
        return True
    given = case.given(fixture, group.closure)
    if given is not None and _on_transaction(given):
        return True
    owners = [case.grounded(one, fixture, group.closure) for one in facts.rolls_back]
    # Rolling back a session that stands on an engine undoes nothing of what it has committed.
    return any(one is None or one.kind != kinds.SESSION or _on_transaction(one) for one in owners)


def _on_transaction(value: Value) -> bool:
    """Tell whether a session stands on a connection that somebody else commits, or nobody."""
    return any(
        one.kind == kinds.CONNECTION and one.opened == "connect" for one in value.chain()[1:]
    )


def _writers(case: Case, group: Group) -> Iterator[tuple[str, Place, Place]]:
    """Yield who opens sessions for a group's tests: the name, the line, and where the engine is."""
    overrides = [one for fixture in case.own(group) for one in case.facts(fixture).overrides]
    found: set[int] = set()
    for fixture in case.in_order(group):
        given = case.given(fixture, group.closure)
        if any(one.index in found for one in group.closure.needs(fixture)):
            found.add(fixture.index)
        elif given is not None and given.kind in _WRITERS and len(given.chain()) > 1:
            found.add(fixture.index)
            yield fixture.name, fixture.place, given.chain()[-1].place
        elif case.facts(fixture).drives:
            for opener in case.application.outside(overrides)[:1]:
                yield fixture.name, fixture.place, opener.uses[0].value.chain()[-1].place
    for test in group.tests:
        facts = case.test_facts(test)
        uses = [use for use in facts.uses if not use.ends and use.value.kind in kinds.ORM]
        for use in uses[:1]:
            yield "tests themselves", use.place, use.value.chain()[-1].place
