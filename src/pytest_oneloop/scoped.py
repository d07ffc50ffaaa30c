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
class Before:
    """What was written before a fixture was set up.

    Attributes:
        writes: How often something was changed.
        writers: The same for each real connection of the sandbox.
    """

    writes: int
    writers: dict[Link, int]


@dataclass(frozen=True, slots=True)
class _Level:
    """The rows of one fixture, beneath the tests.

    Attributes:
        fixture: The fixture.
        request: What it was set up for.
        bases: The real connections that they were written on, one for each database, and for each
            the number of the savepoint above them.
    """

    fixture: Fixture
    request: Any
    bases: dict[Link, int]

    @property
    def lost(self) -> bool:
        """Whether some of them are gone."""
        return any(_is_lost(link, base) for link, base in self.bases.items())


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
        self._hosted: dict[Fixture, bool] = {}
        self._kept: dict[Link, int] = {}
        self._depth = 0
        self._late: list[Link] = []

    # -- fixtures ----------------------------------------------------------------------------

    def begin(self) -> Before:
        """A fixture of a wider scope is about to be set up.

        Returns:
            What `end` wants to know.
        """
        sandbox = self._router.sandbox
        before = Before(sandbox.writes, dict(sandbox.writers))
        if self._depth == 0:
            # What the test itself has written lies beneath, and goes with the test.
            self._late = _grown(self._kept, before.writers)
        self._depth += 1
        return before

    def end(self, fixture: Fixture, request: Any, before: Before, *, done: bool) -> bool:
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
        self._hosted[fixture] = sandbox.hosted
        if not done and not sandbox.real:
            self._failed[fixture] = request
        if not done or sandbox.writes == before.writes:
            return False
        written = _grown(before.writers, sandbox.writers)
        if sandbox.real or any(link in self._late for link in written):
            self._again[fixture] = request
            return False
        bases: dict[Link, int] = {}
        for link in written:
            if not link.keep():
                self._drop(bases)
                self._again[fixture] = request
                return True
            bases[link] = link.bases
        # Not those of other connections: what the test itself has written there is its own.
        self._kept |= {link: sandbox.writers[link] for link in written}
        self._levels.append(_Level(fixture, request, bases))
        return False

    def finalized(self, fixture: Fixture) -> None:
        """A fixture was torn down: its rows go, and those above them."""
        self._again.pop(fixture, None)
        self._failed.pop(fixture, None)
        self._hosted.pop(fixture, None)
        for place, level in enumerate(self._levels):
            if level.fixture is fixture:
                above = self._levels[place + 1 :]
                del self._levels[place:]
                self._again |= {other.fixture: other.request for other in above}
                for other in (*reversed(above), level):
                    self._drop(other.bases)
                return

    def _drop(self, bases: dict[Link, int]) -> None:
        """Let rows go that lie beneath the tests."""
        sandbox = self._router.sandbox
        for link, base in bases.items():
            if not _is_lost(link, base):
                written = sandbox.writers.get(link, 0) != self._kept.get(link, 0)
                link.drop(base, now=link.sandbox is sandbox and not written)

    # -- tests -------------------------------------------------------------------------------

    def before_test(self, *, real: bool) -> None:
        """A test is about to begin: tear down the fixtures whose rows it would not see.

        Args:
            real: It needs a real database, where nothing of the sandbox is.
        """
        for place, level in enumerate(self._levels):
            if real or level.lost:
                # In this order, of which `tear_down` takes the last first.
                self._again |= {other.fixture: other.request for other in self._levels[place:]}
                break
        if real:
            # pytest would show their failure once more, although it may be one of the sandbox.
            self._again |= self._failed
        try:
            self.tear_down(between=True)
        finally:
            self._kept = {}

    def tear_down(self, *, between: bool = False) -> None:
        """Tear down the fixtures whose rows are gone, so that they are set up again.

        The one that was set up last is the first, as with pytest.

        Args:
            between: No test runs, whose connections theirs would meet.

        Raises:
            Exception: A fixture's own teardown has failed; the others were torn down too.
            BaseExceptionGroup: Several have.
        """
        failed: list[BaseException] = []
        while self._again:
            fixture, request = self._again.popitem()
            if fixture.cached_result is None:
                continue
            if between:
                self._router.set_apart()
            try:
                self._finish(fixture, request)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - also `pytest.fail`'s; raised below
                failed.append(error)
        if len(failed) > 1:
            raise BaseExceptionGroup("errors while tearing down fixtures of wider scopes", failed)
        if failed:
            raise failed[0]

    def _finish(self, fixture: Fixture, request: Any) -> None:
        """Tear a fixture down, by the connection on which its rows are."""
        sandbox = self._router.sandbox
        hosted = sandbox.hosted
        sandbox.hosted = self._hosted.get(fixture, hosted)
        try:
            fixture.finish(request)
        finally:
            sandbox.hosted = hosted


def _is_lost(link: Link, base: int) -> bool:
    return link.dead or link.bases < base


def _grown(before: dict[Link, int], after: dict[Link, int]) -> list[Link]:
    """Return the connections that have changed more than before."""
    return [link for link, times in after.items() if times > before.get(link, 0)]
