"""Why a database could not be put back after a test, or another one was not ready."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pytest_oneloop.errors import OneloopError

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
