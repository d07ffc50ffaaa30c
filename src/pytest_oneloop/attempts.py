"""A first attempt at a test, in the sandbox, of which nobody hears if it has to be run again.

The second run is pytest's own, or that of whichever plugin runs tests (`pytest-rerunfailures`), so
that `--pdb`, `-x`, reruns and reports of all kinds see one test, run once.
"""

from __future__ import annotations

import bdb
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

_STEP_BY_STEP = ("setuponly", "setupshow", "setupplan", "trace")
"""Options under which pytest does more with a test than to run it."""

TIMER: Final[pytest.StashKey[Any]] = pytest.StashKey()
"""What pytest-timeout has set a test's timer by, in `item.stash`."""

_Phase = tuple[pytest.CallInfo[Any], pytest.TestReport]


@dataclass(slots=True)
class Attempt:
    """A first run of a test.

    Attributes:
        item: The test.
        phases: What pytest knows of set-up, test and teardown, as far as they have come.
        published: How many of them pytest has heard of.
    """

    item: pytest.Item
    phases: list[_Phase] = field(default_factory=list)
    published: int = 0

    @property
    def failure(self) -> pytest.TestReport | None:
        """The first report of a failure."""
        return next((report for _, report in self.phases if report.failed), None)

    def run(self, when: Literal["setup", "call", "teardown"], **arguments: object) -> bool:
        """Run one phase; whether it passed."""
        hook = getattr(self.item.ihook, f"pytest_runtest_{when}")
        stop: tuple[type[BaseException], ...] = (pytest.exit.Exception,)
        if not self.item.config.getoption("usepdb", default=False):
            stop += (KeyboardInterrupt,)
        call = pytest.CallInfo.from_call(
            lambda: hook(item=self.item, **arguments), when, reraise=stop
        )
        report: pytest.TestReport = self.item.ihook.pytest_runtest_makereport(
            item=self.item, call=call
        )
        self.phases.append((call, report))
        return report.passed

    def publish(self) -> None:
        """Let everybody hear of what has run so far, as pytest would have."""
        hooks, item = self.item.ihook, self.item
        for call, report in self.phases[self.published :]:
            hooks.pytest_runtest_logreport(report=report)
            if _is_interactive(call, report):
                hooks.pytest_exception_interact(node=item, call=call, report=report)
        self.published = len(self.phases)
        if report.when == "teardown":
            hooks.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)


def can_attempt(item: pytest.Item) -> bool:
    """Tell whether a test may be run without anybody hearing of it.

    Not where pytest shows each step, nor for a test that reports by itself while it runs.
    """
    options = item.config.option
    return not any(getattr(options, name, False) for name in _STEP_BY_STEP) and (
        "subtests" not in getattr(item, "fixturenames", ())
    )


def attempt(
    item: pytest.Item, nextitem: pytest.Item | None, again: Callable[[Attempt], bool]
) -> bool:
    """Run a test through pytest's hooks, and report it unless it is to be run again.

    Args:
        item: The test.
        nextitem: The one after it.
        again: Tells whether it is to be run again; asked before its fixtures are torn down, and
            after. In the first case fixtures of wider scopes are left for the second run.

    Returns:
        Whether it is done: reported, and not to be run again.
    """
    with warnings.catch_warnings(record=True) as caught:
        finished = _attempt(Attempt(item), nextitem, again)
    if finished:
        for one in caught:
            warnings.showwarning(
                one.message, one.category, one.filename, one.lineno, one.file, one.line
            )
    return finished


def _attempt(done: Attempt, nextitem: pytest.Item | None, again: Callable[[Attempt], bool]) -> bool:
    item = done.item
    properties = list(item.user_properties)
    # Told before: who watches wants to know which test it is that hangs.
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    try:
        if done.run("setup"):
            done.run("call")
        repeated = again(done)
        if not repeated and done.failure is not None:
            # What hears of a failure may decide to stop here, and then all is torn down.
            done.publish()
        # A collector in place of the next test: it needs all that surrounds this one, and not it.
        after = item.parent if repeated else nextitem
        if item.session.shouldfail or item.session.shouldstop:
            after = None
        done.run("teardown", nextitem=after)
    finally:
        _let_go(item)
    if repeated or (not done.published and again(done)):
        _start_over(item)
        item.user_properties[:] = properties
        return False
    done.publish()
    return True


def _let_go(item: Any) -> None:
    """Let go of a test's fixtures, as pytest does after each test.

    pytest makes a new request for an item whose `_request` is false, and so a test can be run once
    more. That is how plugins have always done it, and there is no public way.
    """
    if hasattr(item, "_request"):
        item._request = False  # noqa: SLF001 - see above
        item.funcargs = None


def _start_over(item: Any) -> None:
    """Forget what the first run has printed, which pytest would show, and how long it took."""
    item._report_sections.clear()  # noqa: SLF001 - see `_let_go`
    if TIMER in item.stash:
        item.config.hook.pytest_timeout_cancel_timer(item=item)
        item.config.hook.pytest_timeout_set_timer(item=item, settings=item.stash[TIMER])


def _is_interactive(call: pytest.CallInfo[Any], report: pytest.TestReport) -> bool:
    """Whether pytest would offer its debugger."""
    return (
        call.excinfo is not None
        and not hasattr(report, "wasxfail")
        and not isinstance(call.excinfo.value, (pytest.skip.Exception, bdb.BdbQuit))
    )
