"""OL410: sessions of the application that the override of a dependency does not reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_oneloop.doctor.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.doctor.application import Opener
    from pytest_oneloop.doctor.case import Case
    from pytest_oneloop.doctor.sources import Named
    from pytest_oneloop.doctor.suite import Fixture
    from pytest_oneloop.loops.loopmap import Place


def sessions_outside(case: Case) -> Iterator[Finding]:
    """Find functions of the application that open sessions of their own, past an override."""
    overriding: dict[Fixture, list[Named]] = {}
    patched: set[str] = set()
    for fixture in case.suite.fixtures:
        facts = case.facts(fixture)
        patched.update(facts.patches)
        replaced = [one for one in facts.overrides if case.application.opens(one)]
        if replaced:
            overriding[fixture] = replaced
    if not overriding:
        return
    replaced = [one for found in overriding.values() for one in found]
    for opener in case.application.outside(replaced):
        uses = [use for use in opener.uses if use.name not in patched]
        if uses:
            yield _finding(opener, uses[0].name, uses[0].place, next(iter(overriding.items())))


def _finding(
    opener: Opener, used: str, place: Place, overriding: tuple[Fixture, list[Named]]
) -> Finding:
    fixture, replaced = overriding
    return Finding(
        code="OL410",
        severity="warning",
        place=place,
        message=f"{opener.function.name} opens a session of its own from {used}; the override of "
        f"{replaced[0].dotted} in the fixture {fixture.name} ({fixture.place}) does not reach it: "
        "it does not see the test's rows, and what it writes is not rolled back.",
        fix=f"give it a session from outside, or bind {used} to the test's connection in that "
        f"fixture ({used}.configure(bind=connection), for a sessionmaker).",
        with_oneloop="fixed",
    )
