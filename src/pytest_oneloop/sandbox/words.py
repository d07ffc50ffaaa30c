"""What goes wrong on the stack, in words of the application."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_oneloop.errors.sandbox import InterleavedTransactionsError
from pytest_oneloop.sandbox.channel import LostError
from pytest_oneloop.sandbox.checkouts import Checkout
from pytest_oneloop.sandbox.entries import InterleavedError
from pytest_oneloop.sandbox.outer import EscapedError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def in_words(checkout: Checkout) -> Iterator[None]:
    """Raise what a user can understand in place of what the parts raise.

    Args:
        checkout: The use of a connection that the block serves.

    Raises:
        InterleavedTransactionsError: A rollback would have taken the work of others along.
        ConnectionLostError: The real connection has ended.
        TransactionControlError: The test's transaction was ended by the driver's own means.
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
    except EscapedError:
        raise sandbox.escape(str(checkout.origin)) from None
