"""Whose turn it is: unrelated tasks do not begin to write in the middle of one another."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from pytest_oneloop.errors.sandbox import TurnTimeoutError
from pytest_oneloop.sandbox.checkouts import HELD, Checkout
from pytest_oneloop.sandbox.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.sandbox.gates import Gate
    from pytest_oneloop.sandbox.transactions import Transactions

DEADLINE: Final = 60.0
"""Seconds that one statement waits for another at most."""

GRACE: Final = 0.5
"""Seconds that a test waits for a statement that the test before it has left running."""

PATIENCE: Final = 1.0
"""Seconds that a task waits for the transaction of another task that does nothing."""

SHORT_PATIENCE: Final = 0.02
"""The same, for a connection that has sent nothing yet, and inside one request."""


class OccupiedError(Exception):
    """A statement of a test that has ended still runs on the connection."""


class SoiledError(OccupiedError):
    """A test that has ended has changed settings of the connection that no rollback puts back."""


def wait_until_vacant(gate: Gate) -> None:
    """Wait for a statement that an earlier test has left running.

    Raises:
        OccupiedError: It did not end in time.
    """
    if not gate.closed:
        return
    try:
        gate.enter(GRACE)
    except TimeoutError:
        raise OccupiedError from None
    gate.leave()


@contextmanager
def entered(gate: Gate, checkout: Checkout, deadline: float = DEADLINE) -> Iterator[None]:
    """Be alone on the real connection.

    Args:
        gate: The connection's.
        checkout: Who wants it.
        deadline: Seconds to wait at most.

    Raises:
        TurnTimeoutError: Another statement did not end in time.
        EarlierTestError: The test of the checkout has ended meanwhile.
    """
    __tracebackhide__ = True
    _enter(gate, checkout, deadline)
    try:
        checkout.sandbox.require_open(checkout)
        yield
    finally:
        gate.leave()


@contextmanager
def taken(gate: Gate, checkout: Checkout, stack: Transactions) -> Iterator[None]:
    """Be alone, when no unrelated task is in the middle of a transaction.

    Raises:
        TurnTimeoutError: Another statement did not end in time.
        EarlierTestError: The test of the checkout has ended meanwhile.
    """
    __tracebackhide__ = True
    until = Clock.now() + DEADLINE
    while True:
        wait = _blocked_for(checkout, stack)
        if wait is not None and Clock.now() < until:
            gate.listen(wait)
            checkout.sandbox.require_open(checkout)
            continue
        _enter(gate, checkout, DEADLINE)
        # Someone may have begun to write while this one waited for the gate.
        if _blocked_for(checkout, stack) is None or Clock.now() > until:
            break
        gate.leave()
    try:
        checkout.sandbox.require_open(checkout)
        checkout.busy = True
        yield
    finally:
        checkout.rest()
        gate.leave()


def _enter(gate: Gate, checkout: Checkout, deadline: float) -> None:
    __tracebackhide__ = True
    try:
        gate.enter(deadline)
    except TimeoutError:
        raise checkout.sandbox.report(
            TurnTimeoutError(
                test=checkout.sandbox.test, seconds=deadline, place=str(checkout.origin)
            )
        ) from None


def _blocked_for(checkout: Checkout, stack: Transactions) -> float | None:
    """Return how long to listen for the end of another's transaction; `None`: not at all."""
    if stack.wrote(checkout):
        # It holds the turn; to wait now could be to wait for one another.
        return None
    longest: float | None = None
    for other in stack.holders(checkout):
        assert isinstance(other, Checkout)  # noqa: S101 - only checkouts own entries
        if other.passed or other.orphaned or other in HELD.get():
            continue
        patience = PATIENCE
        if not stack.wrote(other) or other.is_kin(checkout):
            patience = SHORT_PATIENCE
        left = patience if other.busy else other.used_at + patience - Clock.now()
        if left <= 0:
            other.passed = True
        else:
            longest = max(left, longest or 0.0)
    return longest
