"""The isolation of one test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_oneloop.errors.sandbox import SandboxError, SplitTransactionError

if TYPE_CHECKING:
    from pytest_oneloop.sandbox.link import Link


@dataclass(slots=True, eq=False)
class Sandbox:
    """What one test does to the database, all of it undone when the test has ended.

    Attributes:
        test: The node id of the test, or words for what runs outside of tests.
        hosted: Its event loops may come and go (a synchronous test that starts some), so its
            connections live on a loop of the plugin.
        closing: The test itself has ended; its fixtures are torn down.
        ended: All is over; its connections are of no more use.
        statements: How many statements the application has sent.
        writers: The real connections that have changed something.
        problems: Errors that were raised where the application may have swallowed them.
    """

    test: str
    hosted: bool = False
    closing: bool = False
    ended: bool = False
    statements: int = 0
    writers: list[Link] = field(default_factory=list)
    problems: list[SandboxError] = field(default_factory=list)

    def admit(self, link: Link) -> None:
        """Let a real connection send a statement.

        Raises:
            SplitTransactionError: Another one has written what this one cannot see.
        """
        for writer in self.writers:
            if writer is not link and not (self.closing and writer.dead):
                raise self.report(
                    SplitTransactionError(
                        test=self.test, first=writer.description, second=link.description
                    )
                )

    def wrote(self, link: Link) -> None:
        """Note that a real connection has changed something."""
        if link not in self.writers:
            self.writers.append(link)

    def report(self, error: SandboxError) -> SandboxError:
        """Keep an error for the end of the test, in case the application swallows it."""
        self.problems.append(error)
        return error
