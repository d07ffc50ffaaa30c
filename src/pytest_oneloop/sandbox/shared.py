"""A real connection that belongs to one test after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pytest_oneloop.keys import name_of
from pytest_oneloop.sandbox.channel import Channel
from pytest_oneloop.sandbox.gates import AsyncGate, ThreadGate
from pytest_oneloop.sandbox.outer import OuterTransaction
from pytest_oneloop.sandbox.preparations import Preparations
from pytest_oneloop.sandbox.turns import DEADLINE, SoiledError, wait_until_vacant

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Iterable

    from pytest_oneloop.sandbox.drivers import Driver
    from pytest_oneloop.sandbox.gates import Gate
    from pytest_oneloop.sandbox.ids import Ids
    from pytest_oneloop.sandbox.outer import Constraints
    from pytest_oneloop.sandbox.sandbox import Sandbox

_BASE: Final = "oneloop_base_"


class SharedConnection:
    """A real connection that belongs to one test after another, and the gate before it.

    Its methods run where it lives: on its event loop, in SQLAlchemy's greenlet, or in any thread.

    Attributes:
        abandoned: A test has left a statement running on it, and the next one another.
        bases: How many savepoints lie beneath the tests, each above rows that several tests share.
        preparations: What listeners have set on it outside of tests.

    Args:
        real: What SQLAlchemy's dialect made of the driver's connection.
        driver: How to speak to it.
        key: Which database it leads to.
        name: Of the dialect and the driver, `postgresql+asyncpg`.
        loop: The event loop that it is bound to; `None` if threads share it.
        constraints: The deferrable constraints of the schema.
        ids: The sequences of the database.
    """

    def __init__(  # noqa: PLR0913 - what is known of a connection when it is opened
        self, real: Any, driver: Driver, *, key: str, name: str, loop: AbstractEventLoop | None,
        constraints: Constraints, ids: Ids,
    ) -> None:  # fmt: skip
        self.real = real
        self.driver = driver
        self.key = key
        self.name = name
        self.loop = loop
        self.constraints = constraints
        self._ids = ids
        self.channel = Channel(real, driver)
        self.gate: Gate = ThreadGate() if loop is None else AsyncGate()
        self.abandoned = False
        self.bases = 0
        self.preparations = Preparations()
        self.sandbox: Sandbox | None = None
        self._outer = self._begin()

    @property
    def label(self) -> str:
        """The driver, and the database's name if it has one: `postgresql+asyncpg, analytics`."""
        return ", ".join(filter(None, (self.name, name_of(self.key))))

    @property
    def description(self) -> str:
        """The same and the loop, for messages."""
        return self.label if self.loop is None else f"{self.label} on the loop {id(self.loop):#x}"

    @property
    def dead(self) -> bool:
        """Whether it is of no more use."""
        return self.channel.dead

    # -- tests -------------------------------------------------------------------------------

    def adopt(
        self,
        sandbox: Sandbox,
        lingering: Iterable[SharedConnection] = (),
        *,
        beside: bool = False,
    ) -> None:
        """Belong to a test from now on; what the one before did is undone with the next message.

        Args:
            sandbox: The test's.
            lingering: Other connections still inside the transaction of an earlier test, whose
                locks this test might wait for. That transaction is ended, and with it the
                connection, if its loop does not run: one message each.
            beside: Another connection holds rows that several tests share, and with them the ids.

        Raises:
            OccupiedError: The test before has left a statement running that does not end.
            SoiledError: It has changed what no rollback puts back; the connection is closed.
        """
        if self.sandbox is not sandbox:
            wait_until_vacant(self.gate)
            if self.driver.soiled and not self.bases:
                self.close()
                raise SoiledError
        for other in lingering:
            if not other.abandoned and other.loop in (None, self.loop):
                other.leave()
                continue
            other.channel.dead = True
            self.gate.enter(DEADLINE)
            try:
                self.driver.end_other(other.driver)
            finally:
                self.gate.leave()
        if self.sandbox is not sandbox:
            if self.preparations.outdated and self.driver.reset and not self.bases:
                self._take_preparations_back()
            self.sandbox = sandbox
            # The old one stays with the statement of the old test that may still run.
            self._outer = self._begin()
            if not beside:
                self._outer.stack.pending += self._ids.due(sandbox, noted=self.bases > 0)

    def _take_preparations_back(self) -> None:
        """Have all settings as they were when it was opened. Three messages."""
        self.gate.enter(DEADLINE)
        try:
            if self.channel.inside:
                self.channel.leave_transaction()
            self.driver.script(self.driver.reset)
            self.preparations.taken_back()
        finally:
            self.gate.leave()

    def leave(self) -> None:
        """End the transaction of a test that has ended. One message."""
        self.gate.enter(DEADLINE)
        try:
            if self.lingers:
                self.channel.leave_transaction()
                self._outer = self._begin()
        finally:
            self.gate.leave()

    def keep(self) -> bool:
        """Let what was done so far stay, beneath the tests to come. Sends nothing.

        Returns:
            Whether it stays; what a transaction has written that is still open cannot.
        """
        stack = self._outer.stack
        if stack.aborted or stack.tainted or stack.others_wrote(None) or self.dead:
            return False
        self.bases += 1
        note = [self._ids.restart.note] if self._ids.restart.note else []
        pending = [*stack.pending, *note, f"SAVEPOINT {_BASE}{self.bases}"]
        outer = OuterTransaction(self.channel, self.constraints, pending)
        outer.raw, self._outer = self._outer.raw, outer
        return True

    def drop(self, base: int, *, now: bool) -> None:
        """Let go of what `keep` has kept, from one base on. Sends nothing.

        Args:
            base: The base, from 1.
            now: What comes next must not see it, though it is of the same test.
        """
        self.bases = min(self.bases, base - 1)
        if now:
            self._outer = self._begin()

    def _begin(self) -> OuterTransaction:
        if not self.channel.inside:
            self.bases = 0
            pending = ["BEGIN"]
        elif self.bases:
            pending = self._to_base()
        else:
            pending = ["ROLLBACK", "BEGIN"]
        return OuterTransaction(self.channel, self.constraints, pending)

    def _to_base(self) -> list[str]:
        """Return what leads to the savepoint above the rows that several tests share."""
        savepoint = f"SAVEPOINT {_BASE}{self.bases}"
        unsent = self._outer.stack.pending
        if savepoint in unsent:
            # Nobody has used the connection since it was asked for.
            return unsent[: unsent.index(savepoint) + 1]
        return [f"ROLLBACK TO {savepoint}"]

    @property
    def lingers(self) -> bool:
        """Whether the transaction of a test that has ended is still open on the server."""
        return self.channel.inside and self.sandbox is not None and self.sandbox.ended

    @property
    def escaped(self) -> bool:
        """Whether the driver's own connection was used to end the test's transaction."""
        return self._outer.escaped

    def close(self) -> None:
        """Close the real connection; without a word to the server, if that has ended it."""
        ended, self.channel.dead = self.dead, True
        (self.driver.abandon if ended else self.driver.close)()

    def abandon(self) -> None:
        """End the real connection if its loop has closed without a word. Sends no message."""
        if self.loop is not None and self.loop.is_closed() and not self.dead:
            self.channel.dead = True
            self.driver.abandon()
