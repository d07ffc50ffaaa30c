"""Rows of a fixture of a wider scope: there for every test in the scope, and gone after it.

Under `rollback` they lie beneath the tests, in the same transaction: when such a fixture has been
set up, a savepoint is made, to which each test is rolled back. There is one stack of them. When a
fixture ends, or the connection does, or a test needs a real database, all above it in the stack is
lost, and whatever fixtures these rows were of are torn down, so that pytest sets them up again for
the next test that wants them. The same is done with rows that could not be put beneath the tests:
those of a fixture that was first asked for when the test had already written; and, before a test on
a real database, with fixtures that have failed in the sandbox.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

    from pytest_oneloop.sandbox.link import Link
    from pytest_oneloop.sandbox.router import Router

    Fixture = pytest.FixtureDef[Any]


@dataclass(frozen=True, slots=True)
class _Level:
    """The rows of one fixture, beneath the tests.

    Attributes:
        fixture: The fixture.
        request: What it was set up for.
        link: The real connection that they were written on.
        base: The number of the savepoint above them.
    """

    fixture: Fixture
    request: Any
    link: Link
    base: int

    @property
    def lost(self) -> bool:
        return self.link.dead or self.link.bases < self.base


class ScopedRows:
    """Knows which fixtures of wider scopes have written, and where their rows are.

    Args:
        router: Leads the engines.
    """

    def __init__(self, router: Router) -> None:
        self._router = router
        self._levels: list[_Level] = []
        self._again: dict[Fixture, Any] = {}
        self._failed: dict[Fixture, Any] = {}
        self._kept = 0
        self._depth = 0
        self._late = False

    # -- fixtures ----------------------------------------------------------------------------

    def begin(self) -> int:
        """A fixture of a wider scope is about to be set up.

        Returns:
            What `end` wants to know.
        """
        writes = self._router.sandbox.writes
        if self._depth == 0:
            # What the test itself has written lies beneath, and goes with the test.
            self._late = writes != self._kept
        self._depth += 1
        return writes

    def end(self, fixture: Fixture, request: Any, before: int, *, done: bool) -> bool:
        """It has been set up.

        Args:
            fixture: The fixture.
            request: What it was set up for.
            before: What `begin` has returned.
            done: It was; otherwise it has failed.

        Returns:
            Whether it is set up anew for each test, because it has left its transaction open.
        """
        self._depth -= 1
        sandbox = self._router.sandbox
        if not done and not sandbox.real:
            self._failed[fixture] = request
        if not done or sandbox.writes == before:
            return False
        if sandbox.real or self._late:
            self._again[fixture] = request
            return False
        link = sandbox.writers[-1]
        if not link.keep():
            self._again[fixture] = request
            return True
        self._kept = sandbox.writes
        self._levels.append(_Level(fixture, request, link, link.bases))
        return False

    def finalized(self, fixture: Fixture) -> None:
        """A fixture was torn down: its rows go, and those above them."""
        self._again.pop(fixture, None)
        self._failed.pop(fixture, None)
        for place, level in enumerate(self._levels):
            if level.fixture is fixture:
                above = self._levels[place + 1 :]
                del self._levels[place:]
                self._again |= {other.fixture: other.request for other in above}
                if not level.lost:
                    sandbox = self._router.sandbox
                    now = level.link.sandbox is sandbox and sandbox.writes == self._kept
                    level.link.drop(level.base, now=now)
                return

    # -- tests -------------------------------------------------------------------------------

    def before_test(self, *, real: bool) -> None:
        """A test is about to begin: tear down the fixtures whose rows it would not see.

        Args:
            real: It needs a real database, where nothing of the sandbox is.
        """
        for place, level in enumerate(self._levels):
            if real or level.lost:
                for other in reversed(self._levels[place:]):
                    self._again[other.fixture] = other.request
                break
        if real:
            # pytest would show their failure once more, although it may be one of the sandbox.
            self._again |= self._failed
        self.tear_down()
        self._kept = 0

    def tear_down(self) -> None:
        """Tear down the fixtures whose rows are gone, so that they are set up again.

        Raises:
            Exception: A fixture's own teardown has failed; the others were torn down too.
        """
        failed: list[BaseException] = []
        while self._again:
            fixture, request = self._again.popitem()
            if fixture.cached_result is None:
                continue
            try:
                fixture.finish(request)
            except Exception as error:  # noqa: BLE001 - raised below, when all are torn down
                failed.append(error)
        if failed:
            raise failed[0]
