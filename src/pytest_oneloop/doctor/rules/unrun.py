"""OL411: asynchronous tests that nobody runs. OL412: asynchronous fixtures that nobody awaits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_oneloop.doctor.findings import Finding, counted, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.doctor.case import Case
    from pytest_oneloop.doctor.suite import Fixture, Group


def is_stopped(case: Case, group: Group) -> bool:
    """Tell whether the tests of a group fail before anything of theirs meets an event loop."""
    return group.unrun or bool(_not_awaited(case, group))


def unrun_tests(case: Case) -> Iterator[Finding]:
    """Find tests that are `async def`, and that no plugin takes."""
    tests = [test for group in case.suite.groups if group.unrun for test in group.tests]
    if tests:
        several = len(tests) > 1
        yield Finding(
            code="OL411",
            severity="error",
            place=min((test.place for test in tests), key=lambda one: (one.path, one.line)),
            message=f"{counted(len(tests), 'test')} {'are' if several else 'is'} async def, and "
            f"{_why(case, several=several)}: “async def functions are not natively supported”.",
            fix=f"{_advice(case)}, or mark {'them' if several else 'it'} with "
            "@pytest.mark.asyncio.",
            with_oneloop="fails",
            by_configuration=case.suite.mode is not None,
        )


def fixtures_not_awaited(case: Case) -> Iterator[Finding]:
    """Find fixtures that are `async def`, and that tests get as what the function returns."""
    found: dict[Fixture, int] = {}
    for group in case.suite.groups:
        for fixture in _not_awaited(case, group):
            found[fixture] = found.get(fixture, 0) + len(group.tests)
    if found:
        ordered = sorted(found, key=lambda one: (one.place.path, one.place.line))
        names = listed([one.name for one in ordered])
        several = len(found) > 1
        yield Finding(
            code="OL412",
            severity="error",
            place=ordered[0].place,
            message=f"{'the fixtures' if several else 'the fixture'} {names} "
            f"{'are' if several else 'is'} async def under @pytest.fixture, and "
            f"{_why(case, several=several)}: {counted(max(found.values()), 'test')} would get "
            "a coroutine or a generator instead of the value.",
            fix=f"{_advice(case)}, or write @pytest_asyncio.fixture.",
            with_oneloop="fails",
            by_configuration=case.suite.mode is not None,
        )


def _not_awaited(case: Case, group: Group) -> list[Fixture]:
    if "anyio_backend" in group.closure.chains or group.runner == "anyio":
        return []
    return [one for one in case.own(group) if one.is_async and not one.awaited]


def _why(case: Case, *, several: bool) -> str:
    them = "them" if several else "it"
    if case.suite.mode is None:
        return f"pytest-asyncio is not there to run {them}"
    return f"asyncio_mode is {case.suite.mode}, so that pytest-asyncio leaves {them} alone"


def _advice(case: Case) -> str:
    install = "" if case.suite.mode else "install pytest-asyncio, and "
    writes = " (oneloop doctor --fix writes it)" if case.suite.mode else ""
    return f"{install}write asyncio_mode = auto in pytest's configuration{writes}"
