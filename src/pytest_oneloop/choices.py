"""The strategies of a run's tests: what they ask for, what they have needed, what was found out."""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_oneloop.attempts import TIMER, Attempt, attempt, can_attempt
from pytest_oneloop.errors.strategies import InvalidMarkError
from pytest_oneloop.options import AUTO
from pytest_oneloop.strategies import (
    Choice,
    Need,
    choose,
    fingerprint,
    headline,
    strategy_of_mark,
)

if TYPE_CHECKING:
    from pytest_oneloop.isolation import Ending
    from pytest_oneloop.run import TestRun

CHOICE: Final[pytest.StashKey[Choice]] = pytest.StashKey()
"""The strategy that a test's next run has, in `item.stash`."""

ENDING: Final[pytest.StashKey[Ending]] = pytest.StashKey()
"""How a test's last run has left the database, in `item.stash`."""

UNREADY: Final[pytest.StashKey[list[BaseException]]] = pytest.StashKey()
"""What has failed before a test's set-up could begin, in `item.stash`; empty if nothing has."""

_WRONG: Final[pytest.StashKey[InvalidMarkError]] = pytest.StashKey()
"""What is wrong with a test's mark, in `item.stash`."""

_KEY: Final = "oneloop/strategies"
_KEPT: Final = 10_000


@dataclass(slots=True, eq=False)
class Choices:
    """Chooses the strategy of each test, and remembers what each has needed.

    Args:
        run: The run.
        cache: pytest's cache; `None` where it is switched off.
    """

    run: TestRun
    cache: pytest.Cache | None
    needs: dict[str, Need] = field(default_factory=dict)
    told: dict[str, tuple[str, str]] = field(default_factory=dict)
    _changed: bool = False

    def __post_init__(self) -> None:
        stored = self.cache.get(_KEY, {}) if self.cache is not None else {}
        read = {name: Need.from_json(data) for name, data in stored.items()}
        self.needs = {name: need for name, need in read.items() if need is not None}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Tell how many clones will be wanted, as far as is known; a hook of pytest."""
        workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        wanted = sum(self._wants_clone(item) for item in session.items)
        # Nobody knows which worker gets which test; together they make no more than that.
        self.run.expect_clones(wanted // workers)

    def _wants_clone(self, item: pytest.Item) -> bool:
        try:
            return self.of(item).strategy == "clone"
        except InvalidMarkError:
            return False  # said when the test is set up

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Let a test fail that cannot be set up; a hook of pytest.

        Here, and not in the plugin's own wrapper around all of these hooks: what other plugins have
        to undo after a test, they have done by now.

        Raises:
            InvalidMarkError: The test's mark asks for something that does not exist.
            Exception: The teardown of an earlier fixture has failed.
        """
        __tracebackhide__ = True
        if item.stash[UNREADY]:
            raise item.stash[UNREADY].pop()
        if _WRONG in item.stash:
            raise item.stash[_WRONG]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Let a test's first run end where it would wait in vain; a hook of pytest.

        Not while it is set up: an application may listen from its start-up on, whatever the test.
        """
        self.run.router.sandbox.expendable = item.stash[CHOICE].first

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_timeout_set_timer(self, item: pytest.Item, settings: Any) -> None:
        """Note how long pytest-timeout lets a whole test run; a hook of that plugin."""
        if not settings.func_only:
            item.stash[TIMER] = settings

    # -- one test ----------------------------------------------------------------------------

    def of(self, item: pytest.Item) -> Choice:
        """Return the strategy of a test; `auto` if that is still to be found out.

        Raises:
            InvalidMarkError: Its mark asks for something that does not exist.
        """
        mark = item.get_closest_marker("oneloop")
        marked = None
        if mark is not None:
            marked = strategy_of_mark(mark.args, mark.kwargs, place=item.nodeid)
        need = self.needs.get(item.nodeid)
        if need is not None and need.fingerprint != _fingerprint(item):
            need = None
        return choose(self.run.settings.strategy, marked, need)

    def run_first(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run a test under `rollback`, if it is not known what it needs; whether it is done.

        If it is not, its strategy is chosen, and whoever runs tests is to run it.
        """
        try:
            choice = self.of(item)
        except InvalidMarkError as error:
            item.stash[CHOICE], item.stash[_WRONG] = Choice("rollback"), error
            return False
        if choice.strategy != AUTO or not can_attempt(item):
            item.stash[CHOICE] = choice if choice.strategy != AUTO else Choice("rollback")
            return False
        item.stash[CHOICE] = Choice("rollback", first=True)
        found: list[Choice] = []

        def again(done: Attempt) -> bool:
            needed = self._needed(item, done)
            if needed is not None:
                found.append(needed)
            return needed is not None

        if attempt(item, nextitem, again):
            return True
        item.stash[CHOICE] = found[0]
        return False

    def _needed(self, item: pytest.Item, done: Attempt) -> Choice | None:
        """Return what a test needs, by how its first run went; `None` if that stands."""
        ending = item.stash.get(ENDING, None) if done.phases[-1][1].when == "teardown" else None
        sandbox = self.run.router.sandbox
        limits = sandbox.watch.met if ending is None else ending.limits
        used = sandbox.used if ending is None else ending.used
        failed = "" if done.failure is None else _headline(done.failure)
        if item.session.shouldfail:
            return None
        if limits:
            strongest = max(limits, key=lambda limit: limit.strategy == "clone")
            return Choice(strongest.strategy, strongest.reason, failed)
        if failed and used:
            return Choice("commit", f"failed under rollback: {failed}", failed)
        return None

    # -- what was found out ------------------------------------------------------------------

    def note(self, item: pytest.Item, report: pytest.TestReport) -> None:
        """Write on a report what a test has needed, for the process that hears of all reports."""
        choice = item.stash.get(CHOICE, None)
        if choice is None or not choice.reason:
            return
        report.oneloop = Need(choice.strategy, choice.reason, _fingerprint(item)).to_json()  # type: ignore[attr-defined]
        if report.failed and choice.failed:
            both = (
                f"The test failed under rollback, and under {choice.strategy}. Shown is its "
                f"failure under {choice.strategy}, on a real database.\n"
                f"Under rollback: {choice.failed}"
            )
            report.sections.append(("oneloop", both))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember what a test has needed, if that has helped; a hook of pytest."""
        need = Need.from_json(getattr(report, "oneloop", None))
        if need is None or (report.when == "setup" and not report.failed):
            return
        helped = not report.failed and (report.when == "call" or report.nodeid in self.told)
        if helped:
            self.told[report.nodeid] = (need.strategy, need.reason)
            self._changed |= self.needs.get(report.nodeid) != need
            self.needs[report.nodeid] = need
        elif report.failed:
            self.told.pop(report.nodeid, None)
            self._changed |= self.needs.pop(report.nodeid, None) is not None

    def save(self) -> None:
        """Store what was found out for the next run."""
        if self.cache is not None and self._changed:
            kept = list(self.needs.items())[-_KEPT:]
            self.cache.set(_KEY, {name: need.to_json() for name, need in kept})

    def lines(self) -> list[str]:
        """Return a line for each test that did not run in the sandbox, with the reason."""
        return [
            f"{name} ran under {strategy}: {why}" for name, (strategy, why) in self.told.items()
        ]


def _fingerprint(item: Any) -> str:
    """Return a digest of the test's own text; of its file's name, where it has none."""
    try:
        return fingerprint(inspect.getsource(item.function))
    except (AttributeError, OSError, TypeError):
        return fingerprint(str(item.path))


def _headline(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr)
    return headline(text)
