"""The one line to change, so that both sides of a failure are on one loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import pytest

from pytest_oneloop.loops.advice import Side, one_loop
from pytest_oneloop.loops.loopmap import Place
from pytest_oneloop.loops.record import LoopRecord
from pytest_oneloop.loops.scopes import FIXTURE_SCOPE, TEST_SCOPE, NamedScope
from tools.example_around import AROUND, TEST


@dataclass
class Step:
    loop_scope: str
    knob: str
    kind: str = "test"
    name: str = TEST
    scope: str = "function"

    def find_place(self) -> Place:
        return Place("test_a.py", 3)

    def find_loop_scope(self) -> NamedScope:
        return NamedScope(self.loop_scope, self.knob)


def side(step: Step) -> Side:
    loop = asyncio.new_event_loop()
    ran = LoopRecord().begin(step, TEST, loop)
    loop.close()
    return Side("", track=ran.track, ran=ran)


FIXTURE_SESSION = Step("session", FIXTURE_SCOPE, "fixture", "cache")
FIXTURE_MODULE = Step("module", FIXTURE_SCOPE, "fixture", "cache")
FIXTURE_NAMED = Step("module", "decorator", "fixture", "cache")
TEST_FUNCTION = Step("function", TEST_SCOPE)
TEST_SESSION = Step("session", TEST_SCOPE)
TEST_MARKED = Step("function", "marker")
CHANGES = [
    (FIXTURE_SESSION, TEST_FUNCTION, "in pytest.ini, write {test} = session."),
    (TEST_FUNCTION, TEST_FUNCTION, "in pytest.ini, write {test} = session."),
    (FIXTURE_MODULE, TEST_FUNCTION, "in pytest.ini, write {test} = session."),
    (FIXTURE_NAMED, TEST_FUNCTION, "in pytest.ini, write {test} = module."),
    (
        FIXTURE_SESSION,
        TEST_MARKED,
        (
            'write @pytest.mark.asyncio(loop_scope="session") for the test test_a.py::test_a '
            '(test_a.py:3), instead of loop_scope="function".'
        ),
    ),
    (
        FIXTURE_NAMED,
        TEST_SESSION,
        (
            'write @pytest_asyncio.fixture(loop_scope="session", ...) for the fixture `cache` '
            '(test_a.py:3), instead of loop_scope="module".'
        ),
    ),
]


@pytest.mark.parametrize(("made", "used", "line"), CHANGES)
def test_the_line_brings_both_sides_onto_one_loop(made: Step, used: Step, line: str) -> None:
    assert one_loop("`cache`", side(made), side(used), AROUND) == line.format(test=TEST_SCOPE)


def test_a_scope_of_fixtures_that_the_project_has_set_is_named_too() -> None:
    around = replace(AROUND, fixture_scope_is_set=True, ini_name="pyproject.toml")

    line = one_loop("`cache`", side(FIXTURE_MODULE), side(TEST_FUNCTION), around)

    assert line == (
        f'in pyproject.toml, write {TEST_SCOPE} = "session"; and in pyproject.toml, write '
        f'{FIXTURE_SCOPE} = "session".'
    )


def test_where_both_sides_have_one_scope_no_scope_is_to_be_changed() -> None:
    line = one_loop("`cache`", side(FIXTURE_SESSION), side(TEST_SESSION), AROUND)

    assert line == (
        "make `cache` in the test, or in a fixture of function scope: a test has a loop of its "
        "own, unless an asynchronous fixture of a wider scope keeps the loop."
    )


@pytest.mark.parametrize(
    ("made", "used", "line"),
    [
        (
            Side("", is_unknown=True),
            TEST_FUNCTION,
            f"in pytest.ini, write {TEST_SCOPE} = session, so that there is one loop for all.",
        ),
        (
            Side("", is_unknown=True),
            TEST_SESSION,
            "make `cache` in a fixture of function scope, or in the test.",
        ),
        (
            Side("a loop of asyncio.run"),
            TEST_SESSION,
            "make `cache` in an asynchronous fixture, so that it is made on the tests' loop.",
        ),
    ],
)
def test_a_side_that_is_not_known_has_a_line_as_well(made: Side, used: Step, line: str) -> None:
    assert one_loop("`cache`", made, side(used), AROUND) == line
