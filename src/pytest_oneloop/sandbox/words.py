"""What goes wrong on the stack, in words of the application."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_oneloop.errors.sandbox import InterleavedTransactionsError
from pytest_oneloop.sandbox.channel import LostError
from pytest_oneloop.sandbox.checkouts import Checkout
from pytest_oneloop.sandbox.entries import InterleavedError
from pytest_oneloop.sandbox.outer import EndedByItselfError, EscapedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.sandbox.drivers import Driver


@contextmanager
def in_words(checkout: Checkout, driver: Driver) -> Iterator[None]:
    """Raise what a user can understand in place of what the parts raise.

    Args:
        checkout: The use of a connection that the block serves.
        driver: How it speaks to the real one.

    Raises:
        InterleavedTransactionsError: A rollback would have taken the work of others along.
        ConnectionLostError: The real connection has ended.
        TransactionControlError: The test's transaction was ended by the driver's own means.
        SandboxError: A statement has ended it; what that means, the driver knows.
    """
    __tracebackhide__ = True
    sandbox = checkout.sandbox
    try:
        yield
    except InterleavedError as error:
        owners = dict.fromkeys(e.owner for e in error.others)
        raise sandbox.report(
            InterleavedTransactionsError(
                test=sandbox.test,
                place=str(checkout.origin),
                others=tuple(str(o.origin) for o in owners if isinstance(o, Checkout)),
            )
        ) from None
    except LostError as error:
        raise sandbox.lose(error.__cause__) from error.__cause__
    except EndedByItselfError as error:
        ended = driver.ended(test=sandbox.test, place=str(checkout.origin), error=error.__cause__)
        raise sandbox.end_early(ended.error, leaked=ended.leaked) from error.__cause__
    except EscapedError:
        raise sandbox.escape(str(checkout.origin)) from None
