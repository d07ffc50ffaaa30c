"""OL405: tables made and dropped for each test (set-up 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_oneloop.doctor.findings import Finding, counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.doctor.case import Case
    from pytest_oneloop.doctor.suite import Fixture


def tables_per_test(case: Case) -> Iterator[Finding]:
    """Find fixtures of function scope that drop what they create.

    One that only creates tables that are missing sends no DDL from the second test on.
    """
    found: dict[Fixture, int] = {}
    for group in case.suite.groups:
        for fixture in case.per_test(group):
            if case.facts(fixture).drops:
                found[fixture] = found.get(fixture, 0) + len(group.tests)
    for fixture, tests in found.items():
        yield Finding(
            code="OL405",
            severity="warning",
            place=fixture.place,
            message=f"the fixture {fixture.name} creates and drops tables for each of "
            f"{counted(tests, 'test')}: DDL takes longer than most tests do.",
            fix='create the tables once (scope="session"), and roll each test back instead of '
            "dropping them.",
            with_oneloop="slower",
        )
