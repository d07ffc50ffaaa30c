"""Every program has in every strategy the outcome of a plain database, or a reason why not."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from fidelity.catalogue import TOPICS, programs
from fidelity.program import Program, program
from fidelity.verdicts import Outcome, Verdict, judge
from pytest_oneloop.options import STRATEGIES

if TYPE_CHECKING:
    from fidelity.runs import Runs

# The first test that asks waits for whole runs.
pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]

ALL = programs()
each_program = pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
FIRST = Outcome({"rows": 1})
OTHER = Outcome({"rows": 2})
NAMED = Outcome(raised="OL201")


def test_there_are_programs_enough() -> None:
    assert len(ALL) >= 60
    assert [name for name, times in Counter(one.name for one in ALL).items() if times > 1] == []
    assert {one.topic for one in ALL} == set(TOPICS)
    assert {strategy for one in ALL for strategy in one.limits} <= set(STRATEGIES) - {"auto"}
    assert all(len(inspect.signature(one.body).parameters) == 1 for one in ALL)


@each_program
def test_a_plain_database_lets_every_program_end(one: Program, runs: Runs) -> None:
    outcome = runs.plain()[one.name]

    assert outcome.raised == ""
    assert outcome.seen


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "auto"])
@each_program
def test_a_difference_is_never_silent(one: Program, strategy: str, runs: Runs) -> None:
    plain, outcome = runs.plain()[one.name], runs.strategy(strategy)[one.name]

    verdict = judge(one, strategy, plain, outcome)

    assert verdict.fine, f"{verdict.value}\nplain: {plain}\n{strategy}: {outcome}"


@pytest.mark.skipif("auto" not in STRATEGIES, reason="there is no strategy `auto` yet")
@each_program
def test_under_auto_a_test_gets_what_a_plain_database_gives(one: Program, runs: Runs) -> None:
    plain, outcome = runs.plain()[one.name], runs.strategy("auto")[one.name]

    # What the plugin cannot notice by itself, it notices by the failure of a test that knows.
    assert plain in (outcome, runs.checked().get(one.name))


@pytest.mark.parametrize(
    ("declared", "outcome", "verdict"),
    [
        ({}, FIRST, Verdict.SAME),
        ({}, OTHER, Verdict.SILENT),
        ({}, NAMED, Verdict.NAMED),
        ({}, Outcome(raised="AssertionError"), Verdict.SILENT),
        ({"rollback": "it differs"}, OTHER, Verdict.LIMIT),
        ({"rollback": "it differs"}, FIRST, Verdict.HEALED),
        ({"rollback": "it differs"}, NAMED, Verdict.HEALED),
        ({"commit": "it differs"}, OTHER, Verdict.SILENT),
    ],
)
def test_what_is_said_of_an_outcome(
    declared: dict[str, str], outcome: Outcome, verdict: Verdict
) -> None:
    one = program("a row is seen", **declared)(lambda _: {})

    assert judge(one, "rollback", FIRST, outcome) is verdict


def test_only_the_sandbox_may_refuse() -> None:
    one = program("a row is seen")(lambda _: {})

    assert judge(one, "commit", FIRST, NAMED) is Verdict.SILENT
