"""The isolation of one test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pytest_oneloop.errors.sandbox import (
    ConnectionLostError,
    EarlierTestError,
    SandboxError,
    SplitTransactionError,
    TransactionControlError,
    UnheardError,
)
from pytest_oneloop.sandbox.checkouts import origin
from pytest_oneloop.sandbox.limits import Limit, Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_oneloop.sandbox.checkouts import Checkout
    from pytest_oneloop.sandbox.link import Link

OUTSIDE: Final = "code outside of any test"
"""The name, in place of a test's, of what runs between tests."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class Sandbox:
    """What one test does to the database, all of it undone when the test has ended.

    Attributes:
        test: The node id of the test, or words for what runs outside of tests.
        now: Tells which test runs at the moment of the call.
        hosted: Its event loops may come and go (a synchronous test that starts some), so its
            connections live on a loop of the plugin.
        real: Its connections are real ones, so nothing here has to be watched.
        closing: The test itself has ended; its fixtures are torn down.
        ended: All is over; its connections are of no more use.
        statements: How many statements the application has sent.
        writers: The real connections that have changed something, and how often in this test.
        writes: How often something was changed.
        problems: Errors that were raised where the application may have swallowed them.
        watch: Notes what one transaction cannot show as the real database would.
        expendable: This run of it may be thrown away, for one on a real database.
        used: It has sent something, or tried to.
        leaked: What it wrote may be in the database for good, which should be built anew.
        lost: A real connection that it wrote on has ended, or its transaction has.
    """

    test: str
    now: Callable[[], str] = lambda: "another test"
    hosted: bool = False
    real: bool = False
    closing: bool = False
    ended: bool = False
    statements: int = 0
    writers: dict[Link, int] = field(default_factory=dict)
    writes: int = 0
    problems: list[SandboxError] = field(default_factory=list)
    watch: Watch = field(default_factory=Watch)
    expendable: bool = False
    used: bool = False
    leaked: bool = False
    lost: SandboxError | None = None

    def admit(self, link: Link) -> None:
        """Let a real connection send a statement.

        Raises:
            SplitTransactionError: Another one has written what this one cannot see.
            SandboxError: One has ended, or the transaction on it.
        """
        if self.lost is not None:
            raise self.lost
        for writer in self.writers:
            beside = writer is not link and writer.key == link.key
            if beside and writer.dead and not self.closing:
                raise self.lose(None)
            if beside and not writer.dead:
                raise self.report(
                    SplitTransactionError(
                        test=self.test, first=writer.description, second=link.description
                    )
                )

    def wrote(self, link: Link) -> None:
        """Note that a real connection has changed something."""
        self.writes += 1
        self.writers[link] = self.writers.get(link, 0) + 1

    def require_open(self, checkout: Checkout) -> None:
        """Do nothing while the test runs.

        Raises:
            EarlierTestError: It has ended.
        """
        if self.ended:
            raise self.passed(checkout)

    def passed(self, checkout: Checkout) -> EarlierTestError:
        """Return the error of a checkout that is used after its end."""
        return EarlierTestError(test=self.now(), earlier=self.test, place=str(checkout.origin))

    def control_refused(self, command: str) -> TransactionControlError:
        """Return the error for a command by which a transaction is ended past the driver."""
        return TransactionControlError(test=self.test, command=command, place=str(origin()))

    def lose(self, error: BaseException | None) -> SandboxError:
        """Note that a real connection has ended in the middle of the test."""
        if self.lost is None:
            self.lost = ConnectionLostError(test=self.test, cause=str(error or "it is closed"))
            self.report(self.lost)
        return self.lost

    def end_early(self, error: SandboxError, *, leaked: bool) -> SandboxError:
        """Note that a statement has ended the test's transaction: nothing more can be sent.

        Args:
            error: What it means.
            leaked: What the test wrote is in the database for good.
        """
        self.lost = self.report(error)
        self.leaked |= leaked
        return error

    def escape(self, place: str) -> SandboxError:
        """Note that the test's transaction was ended by the driver's own means."""
        self.leaked = True
        return self.report(
            TransactionControlError(test=self.test, command="COMMIT or ROLLBACK", place=place)
        )

    def show_database(self) -> None:
        """Note that others may connect to the test's database, and will not see its work."""
        self.watch.meet(Limit("another program may connect by the URL", "clone"))

    def listen(self) -> None:
        """Do nothing, unless the test would wait in vain for notifications, and need not.

        Raises:
            UnheardError: It can run again on a real database, where it hears them.
        """
        if self.expendable:
            raise self.report(UnheardError(test=self.test))

    def report(self, error: SandboxError) -> SandboxError:
        """Keep an error for the end of the test, in case the application swallows it."""
        self.used = True
        self.watch.failed(error)
        self.problems.append(error)
        return error
