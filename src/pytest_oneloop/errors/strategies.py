"""Why a database could not be put back after a test, or another one was not ready."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pytest_oneloop.errors import OneloopError, OneloopWarning

if TYPE_CHECKING:
    from collections.abc import Sequence


class SessionsRemainError(OneloopError):
    """Sessions that a test left in the way could not be ended.

    Args:
        database: The database that they are connected to.
        sessions: Each of them in words, with what it holds and who waits for it.
        seconds: How long this waited for them to end.
        reason: Why they are still there, as a sentence goes on after a colon.
    """

    code: ClassVar[str] = "OL150"

    def __init__(
        self, database: str, *, sessions: Sequence[str], seconds: float, reason: str
    ) -> None:
        self.database = database
        self.sessions = tuple(sessions)
        self.seconds = seconds
        self.reason = reason
        listed = "".join(f"\n    | {session}" for session in self.sessions)
        super().__init__(
            f"Sessions of the database {database} are in the way of putting it back, and could not "
            f"be ended within {seconds:g} s: {reason}.{listed}",
            why="they belong to another role, or their server process does not answer.",
            instead=(
                "close these connections in the test; for sessions of another role, let the role "
                "of oneloop_server be a member of it or of pg_signal_backend."
            ),
        )


class LeftOpenWarning(OneloopWarning):
    """A test on a real database has not given back what it took there.

    Attributes:
        test: The node id of the test.
        places: Where it checked out connections that are still open, as `file:line`.
        sessions: The sessions that were in the way afterwards, in words, with what they held.
        prepared: The names of transactions that were prepared, and never ended.
    """

    code: ClassVar[str] = "OL211"

    def __init__(
        self,
        *,
        test: str,
        places: Sequence[str],
        sessions: Sequence[str] = (),
        prepared: Sequence[str] = (),
    ) -> None:
        self.test = test
        self.places = tuple(places)
        self.sessions = tuple(sessions)
        self.prepared = tuple(prepared)
        found = [f"a connection checked out at {place} is still open" for place in self.places]
        found += [f"in the way was {session}" for session in self.sessions]
        found += [f"the prepared transaction {name!r} was not ended" for name in self.prepared]
        super().__init__(
            f"{test} has left something open on a real database, which was ended by force: "
            f"{'; '.join(found)}.",
            why="a session is not closed at the end of the test, or a task or a thread outlives it",
            instead="close it in the test that opens it (`async with session_factory() as "
            "session: ...`), and await or cancel tasks",
        )


class InvalidMarkError(OneloopError):
    """A test's mark names no strategy.

    Attributes:
        test: The node id of the test.
        given: The mark's arguments, as they were written.
        strategies: The names that exist.
    """

    code: ClassVar[str] = "OL212"

    def __init__(self, *, test: str, given: str, strategies: Sequence[str]) -> None:
        self.test = test
        self.given = given
        self.strategies = tuple(strategies)
        super().__init__(
            f"the mark oneloop({given}) of {test} names no strategy.",
            why="the name is misspelt, or is not given as `strategy=...`, the only argument",
            instead="write one that exists, such as "
            f'@pytest.mark.oneloop(strategy="commit") ({", ".join(self.strategies)})',
        )
