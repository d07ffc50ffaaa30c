"""OL409: `TestClient`, which runs the application on a loop of its own, beside async code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_oneloop.doctor.findings import Finding, counted, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.doctor.case import Case
    from pytest_oneloop.doctor.findings import Outcome
    from pytest_oneloop.doctor.suite import Group
    from pytest_oneloop.loops.loopmap import Place


@dataclass
class Mixed:
    """A `TestClient` that meets asynchronous code.

    Attributes:
        beside: The asynchronous fixtures in its tests.
        shares: They share a database with the application, so that objects cross loops.
        hands_in: A fixture puts another dependency into the application, which may be a session.
        inside: Tests that are asynchronous themselves.
        tests: All tests that it is in.
    """

    beside: dict[str, None] = field(default_factory=dict)
    shares: bool = False
    hands_in: bool = False
    inside: set[str] = field(default_factory=set)
    tests: set[str] = field(default_factory=set)


def test_client(case: Case) -> Iterator[Finding]:
    """Find tests in which a `TestClient` and asynchronous fixtures, or an `async def`, meet."""
    found: dict[Place, Mixed] = {}
    for group in case.suite.groups:
        for place, tests in _clients(case, group):
            beside = [one for one in case.own(group) if one.is_async]
            if not beside and not group.on_loop:
                continue
            mixed = found.setdefault(place, Mixed())
            mixed.beside.update(dict.fromkeys(one.name for one in beside))
            mixed.shares |= any(
                bool(case.facts(one).uses)
                or ((given := case.given(one, group.closure)) is not None and given.bound)
                for one in beside
            )
            mixed.hands_in |= any(case.facts(one).overrides for one in case.own(group))
            mixed.tests.update(tests)
            if group.on_loop:
                mixed.inside.update(tests)
    for place, mixed in found.items():
        yield _finding(place, mixed)


def _clients(case: Case, group: Group) -> Iterator[tuple[Place, list[str]]]:
    for fixture in case.own(group):
        for place in case.facts(fixture).test_clients[:1]:
            yield place, [test.id for test in group.tests]
    for test in group.tests:
        for place in case.test_facts(test).test_clients[:1]:
            yield place, [test.id]


def _finding(place: Place, mixed: Mixed) -> Finding:
    what = []
    if mixed.beside:
        what.append(
            f"the asynchronous {'fixture' if len(mixed.beside) == 1 else 'fixtures'} "
            f"{listed(list(mixed.beside))}"
        )
    if mixed.inside:
        what.append(f"{counted(len(mixed.inside), 'asynchronous test')}")
    serious = bool(mixed.inside) or mixed.shares
    return Finding(
        code="OL409",
        severity="error" if serious else "warning",
        place=place,
        message="TestClient runs the application in another thread, on another event loop than "
        f"{' and '.join(what)}: what they share is “attached to a different loop”, and a call "
        "inside a test's loop stops that loop.",
        fix="write async def tests, with httpx.AsyncClient(transport=ASGITransport(app)), or the "
        "fixture client of pytest-oneloop.",
        with_oneloop=_outcome(mixed),
    )


def _outcome(mixed: Mixed) -> Outcome:
    """Return what the plugin makes of it.

    Connections of the plugin's follow a session to any loop. An `async def` test and the
    application inside its TestClient are two loops at once: a real database for that test can
    serve them, but not a session that is handed from one to the other.
    """
    if not mixed.inside:
        return "fixed"
    return "fails" if mixed.hands_in else "slower"
