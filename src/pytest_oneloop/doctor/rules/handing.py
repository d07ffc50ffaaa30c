"""OL401: a fixture hands an object of its own loop to code on another one (set-up 1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_oneloop.doctor import kinds
from pytest_oneloop.doctor.findings import Finding, counted, listed
from pytest_oneloop.doctor.suite import Fixture, width
from pytest_oneloop.doctor.wording import ONE_LOOP, a_thing, loop_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.doctor.case import Case
    from pytest_oneloop.doctor.kinds import Value
    from pytest_oneloop.doctor.suite import Group

_OPENERS = {kinds.ENGINE, kinds.SESSIONMAKER, kinds.SESSION}


@dataclass
class Handing:
    """An object that is used on another loop than the one it was made on, or on several.

    Attributes:
        fixture: Who makes it.
        value: The object.
        made_on: The scope of the loop that it is made on; `None` if it is made without a loop.
        users: The fixtures that use it elsewhere; `None` for tests themselves.
        used_on: The scopes of the loops that they run on.
        tests: The tests that suffer.
    """

    fixture: Fixture
    value: Value
    made_on: str | None
    users: dict[str, Fixture | None] = field(default_factory=dict)
    used_on: set[str] = field(default_factory=set)
    tests: set[str] = field(default_factory=set)


def handings(case: Case) -> list[Handing]:
    """Return what fixtures hand across loops."""
    found: dict[int, Handing] = {}
    for group in case.suite.groups:
        users: list[Fixture | None] = [one for one in case.own(group) if one.is_async]
        if group.on_loop:
            users.append(None)
        for user in users:
            scope = case.loop_scope(user, group) if user else group.loop_scope
            for fixture, value in foreign(case, group, user, scope or "function"):
                made_on = case.loop_scope(fixture, group)
                handing = found.setdefault(fixture.index, Handing(fixture, value, made_on))
                handing.users[user.name if user else ""] = user
                handing.used_on.add(scope or "function")
                handing.tests.update(test.id for test in group.tests)
    # One test alone meets one loop alone, unless the object was made on another.
    return [one for one in found.values() if one.made_on or len(one.tests) > 1]


def handed_across_loops(case: Case) -> Iterator[Finding]:
    """Find objects that a fixture hands from one event loop to another."""
    for handing in handings(case):
        value, fixture = handing.value, handing.fixture
        by_plugin = {one.kind for one in value.chain()} <= kinds.ORM or not case.suite.chosen
        where = (
            f"on the {loop_of(handing.made_on)}" if handing.made_on else "once for several loops"
        )
        waits = value.kind == kinds.PRIMITIVE
        yield Finding(
            code="OL401",
            severity="error",
            place=fixture.place,
            message=f"the fixture {fixture.name} makes {a_thing(value)} {where}, and "
            f"{_named(handing)} it on the {loop_of(*handing.used_on)} "
            f"({counted(len(handing.tests), 'test')}): "
            + (
                "“is bound to a different event loop”, as soon as something waits for it."
                if waits
                else "“attached to a different loop”."
            ),
            fix=_fix(case, handing),
            with_oneloop="fixed" if by_plugin else "fails",
            by_configuration=True,
        )


def foreign(
    case: Case, group: Group, user: Fixture | None, scope: str
) -> Iterator[tuple[Fixture, Value]]:
    """Yield the objects that a user gets and that another loop holds, or will hold.

    Args:
        case: The suite.
        group: The tests.
        user: The fixture that gets them; `None` for the tests themselves.
        scope: The scope of the loop that the user runs on.
    """
    for fixture in case.sources_of(group, user):
        value = case.given(fixture, group.closure)
        if value is None or not value.bound or _holds_nothing(value):
            continue
        made_on = case.loop_scope(fixture, group)
        if made_on is None and not _makes(case, fixture, value):
            continue  # it passes on what another fixture made, which counts there
        crosses = made_on != scope if made_on else width(fixture.scope) > width(scope)
        if crosses:
            yield fixture, value


def _holds_nothing(value: Value) -> bool:
    """Tell whether it opens a connection for each use alone, on the loop of that use."""
    connected = any(one.kind == kinds.CONNECTION for one in value.chain())
    return value.kind in _OPENERS and not value.pooled and not connected


def _makes(case: Case, fixture: Fixture, value: Value) -> bool:
    """Tell whether a fixture makes what it hands out, rather than pass on what it was given."""
    return all(one.kind != kinds.FIXTURE for one in _read(case, fixture, value))


def _read(case: Case, fixture: Fixture, value: Value) -> tuple[Value, ...]:
    given = case.reading.given(fixture)
    return given.chain() if given else (value,)


def _named(handing: Handing) -> str:
    names = [name for name, user in handing.users.items() if user]
    if None in handing.users.values():
        names.append("tests")
    several = len(names) > 1 or "tests" in names
    return f"{listed(names)} {'use' if several else 'uses'}"


def _fix(case: Case, handing: Handing) -> str:
    named = [
        f"{user.place} ({user.name})"
        for user in (handing.fixture, *handing.users.values())
        if user and case.named_scope(user) not in {None, "session"}
    ]
    remove = f", and remove loop_scope from {listed(named)}" if named else ""
    return f"{ONE_LOOP}{remove}."
