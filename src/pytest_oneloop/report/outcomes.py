"""What the record of loops does not see, for a map: tests that ran on no loop, and what failed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pytest_oneloop.loops.loopmap import NO_LOOP, Lane, Place, Step
from pytest_oneloop.maps.wording import SET_UP_FAILED

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


class Outcomes:
    """The tests of one process, and the fixtures that failed.

    Args:
        clock: Gives the seconds since the run began, as the record counts them.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._tests: dict[str, Step] = {}
        self._failed: list[Step] = []

    def note_test(self, report: pytest.TestReport) -> None:
        """Note how a phase of a test went; of a test that is run again, the last run counts."""
        stopped = report.when == "setup" and report.failed
        if report.when == "setup" and not stopped:
            self._tests.pop(report.nodeid, None)
        if report.when != "call" and not stopped:
            return
        path, line, _ = report.location
        self._tests[report.nodeid] = Step(
            kind="test",
            name=report.nodeid,
            scope="function",
            lane=NO_LOOP,
            place=Place(path, (line or 0) + 1),
            started=max(self.clock() - report.duration, 0.0),
            seconds=report.duration,
            outcome=SET_UP_FAILED if stopped else "failed" if report.failed else "",
        )

    def note_failed_fixture(self, name: str, scope: str, place: Place | None, began: float) -> None:
        """Note that a fixture's set-up has failed.

        Args:
            name: The fixture's.
            scope: Its scope.
            place: Where it is written, if that is known.
            began: The clock when it began.
        """
        seconds = self.clock() - began
        step = Step("fixture", name, scope, NO_LOOP, place, began, seconds, "failed")
        self._failed.append(step)

    def complete(self, data: dict[str, Any]) -> None:
        """Add to a map, as `LoopMap.to_json` gives it, what it lacks: outcomes, and other tests."""
        tests = {step["name"]: step for step in data["steps"] if step["kind"] == "test"}
        apart = []
        for step in self._tests.values():
            if step.name in tests:
                tests[step.name]["outcome"] = step.outcome
            else:
                apart.append(step)
        for step in self._failed:
            ran = (one for one in data["steps"] if _is_run_of(one, step))
            found = next(ran, None)
            if found is None:
                apart.append(step)
            else:
                found["outcome"] = step.outcome
        if apart:
            data["lanes"] = [*data["lanes"], asdict(Lane(NO_LOOP, "no event loop", NO_LOOP))]
            steps = [*data["steps"], *map(asdict, apart)]
            data["steps"] = sorted(steps, key=lambda step: step["started"])


def _is_run_of(one: dict[str, Any], failed: Step) -> bool:
    """Tell whether a step of the record is the run of a fixture that has failed."""
    began, seconds = failed.started or 0.0, failed.seconds or 0.0
    return bool(
        one["kind"] == "fixture"
        and one["name"] == failed.name
        and began <= one["started"] <= began + seconds
    )
