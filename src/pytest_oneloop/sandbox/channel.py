"""The real connection, and what the sandbox itself sends on it."""

from __future__ import annotations

import re
from asyncio import CancelledError
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pytest_oneloop.sandbox.drivers import Driver

_NEXT_TEST: Final = re.compile(r"ROLLBACK(?P<shares> TO SAVEPOINT oneloop_base_\d+)?")
"""What is pending first when another test begins: it undoes the one before.

To a savepoint, where both share rows, and therefore the connection.
"""


class LostError(Exception):
    """The real connection has ended; `__cause__` holds the driver's own error."""


class Channel:
    """A real connection in use. All of it runs inside the gate.

    Args:
        real: What SQLAlchemy's dialect made of the driver's connection.
        driver: How to speak to it.

    Attributes:
        inside: The server is in the transaction of a test.
        dead: It has ended, or its loop is about to.
    """

    def __init__(self, real: Any, driver: Driver) -> None:
        self.real = real
        self.driver = driver
        self.inside = False
        self.dead = False

    def flush(self, pending: list[str]) -> None:
        """Send what is pending, in one message (two for the first test of the connection).

        A cancellation does not break it off: it is all sent when that is raised.

        Raises:
            LostError: The connection has ended.
        """
        if not self.inside and pending[:1] != ["BEGIN"]:
            pending.clear()  # a statement has ended the transaction that this is about
            return
        try:
            if pending[:1] == ["BEGIN"]:
                self.driver.begin()
                self._begun(pending)
            if pending and (begins := _NEXT_TEST.fullmatch(pending[0])):
                # Locks of a session stay after a rollback, and no text shows who has taken some.
                soil = self.driver.forget if begins["shares"] and self.driver.soiled else ""
                pending[1:1] = filter(None, (self.driver.unlock, soil))
            if pending:
                self.driver.script("; ".join(pending))
                pending.clear()
        except CancelledError:
            if pending[:1] == ["BEGIN"]:
                self._begun(pending)
            else:
                pending.clear()
            raise
        except Exception as error:
            self._lost_by(error)
            raise

    def _begun(self, pending: list[str]) -> None:
        self.inside = True
        del pending[0]

    def leave_transaction(self) -> None:
        """End the transaction of a test that has ended, and what outlives one. Two messages."""
        self.driver.end()
        self.inside = False
        # Locks of a session stay after a rollback, and whoever runs next may want them.
        if self.driver.unlock:
            self.driver.script(self.driver.unlock)

    def answers(self) -> bool:
        """Whether the server takes statements: its transaction has not failed. One message.

        Raises:
            LostError: The connection has ended.
        """
        try:
            self.driver.script("SAVEPOINT oneloop_probe; RELEASE SAVEPOINT oneloop_probe")
        except Exception as error:  # noqa: BLE001 - drivers share no class; a refusal is the answer
            self._lost_by(error)
            return False
        return True

    def poison(self) -> None:
        """Make the server refuse the next statement as one of a failed transaction. One message.

        Raises:
            LostError: The connection has ended.
        """
        try:
            self.driver.script(self.driver.poison)
        except Exception as error:  # noqa: BLE001 - this failure is what was wanted
            self._lost_by(error)

    @property
    def ended_by_itself(self) -> bool:
        """Whether a statement has ended the transaction of the test. Sends nothing."""
        return self.inside and self.driver.ends_by_itself and not self.driver.in_transaction()

    def value(self, sql: str) -> object:
        """Return the one value that a query gives."""
        cursor = self.real.cursor()
        try:
            cursor.execute(sql)
            return cursor.fetchone()[0]
        finally:
            cursor.close()

    def has_ended(self, error: BaseException) -> bool:
        """Whether the connection has ended, as a statement's error lets one see. Sends nothing."""
        # The driver itself may hear of it with the next statement only.
        told = bool(error.args) and error.args[0] in self.driver.farewells
        self.dead = self.dead or told or self.driver.is_closed()
        return self.dead

    def undone_alone(self, error: BaseException) -> bool:
        """Whether a statement that raised this has done nothing, and its transaction goes on.

        It is so where the database itself refuses it, in the class that all errors of a driver
        share (PEP 249); what a client raises, the server may have done.
        """
        refused = any(kind.__name__ == "Error" for kind in type(error).__mro__)
        return refused and not self.driver.poison

    def _lost_by(self, error: Exception) -> None:
        if self.has_ended(error):
            raise LostError from error
