"""The failures that event loops cause: how each is told from errors that only sound like it."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.loops.evidence import Trace


class Family(Enum):
    """A kind of failure; its value is its code, which the documentation has a section for."""

    DIFFERENT_LOOP = "OL421"
    BOUND_LOOP = "OL422"
    CLOSED_LOOP = "OL423"
    BUSY = "OL424"
    GREENLET = "OL425"
    CANCEL_SCOPE = "OL426"
    TEST_CLIENT = "OL427"
    NESTED_RUN = "OL428"
    UNAWAITED = "OL429"


CROSSINGS = (Family.DIFFERENT_LOOP, Family.BOUND_LOOP, Family.CLOSED_LOOP, Family.TEST_CLIENT)
"""The kinds in which an object of one loop was used on another."""

_TEXTS = {
    Family.DIFFERENT_LOOP: re.compile(
        r"Task <.*> got Future <.*> attached to a different loop"
        r"|The future belongs to a different loop than the one specified as the loop argument",
        re.DOTALL,
    ),
    Family.BOUND_LOOP: re.compile(r"<.*> is bound to a different event loop", re.DOTALL),
    Family.CLOSED_LOOP: re.compile(r"Event loop is closed"),
    Family.BUSY: re.compile(
        r"cannot perform operation: another operation( \(.*\))? is in progress"
        r"|read\w*\(\) called while another coroutine is already waiting for incoming data"
        r"|This session is provisioning a new connection; concurrent operations are not permitted.*"
        r"|Method '\w+\(\)' can't be called here; method '\w+\(\)' is already in progress.*",
        re.DOTALL,
    ),
    Family.GREENLET: re.compile(
        r"greenlet_spawn has not been called; can't call .* here.*", re.DOTALL
    ),
    Family.CANCEL_SCOPE: re.compile(
        r"Attempted to exit cancel scope in a different task than it was entered in"
    ),
    Family.NESTED_RUN: re.compile(
        r"asyncio\.run\(\) cannot be called from a running event loop"
        r"|Runner\.run\(\) cannot be called from a running event loop"
        r"|This event loop is already running"
        r"|Cannot run the event loop while another loop is running"
        r"|Already running asyncio in this thread"
    ),
    Family.UNAWAITED: re.compile(
        r"'(coroutine|async_generator)' object .*"
        r"|object async_generator can't be used in 'await' expression"
        r"|'.*' requested an async fixture '\w+'.*"
        r"|.*<(coroutine|async_generator) object .*",
        re.DOTALL,
    ),
}
_RAISED_IN = {
    Family.DIFFERENT_LOOP: ("RuntimeError", "ValueError"),
    Family.BOUND_LOOP: ("RuntimeError",),
    Family.CLOSED_LOOP: ("RuntimeError",),
    Family.BUSY: (
        *("InterfaceError", "RuntimeError", "InvalidRequestError", "IllegalStateChangeError"),
        "InternalClientError",
    ),
    Family.GREENLET: ("MissingGreenlet",),
    Family.CANCEL_SCOPE: ("RuntimeError",),
    Family.NESTED_RUN: ("RuntimeError",),
    Family.UNAWAITED: ("AttributeError", "TypeError", "AssertionError", "Failed"),
}
_ANYWHERE = (Family.DIFFERENT_LOOP, Family.UNAWAITED)
"""Raised by the interpreter itself, so the last line may be the project's."""


def family_of(error: BaseException, trace: Trace) -> Family | None:
    """Return the kind of one error; `None` for any other error, or if the project raised it itself.

    Args:
        error: The error alone, without what it led to.
        trace: Its frames.
    """
    name = type(error).__name__
    # The text last: that of an error that is none of these may be costly, or raise.
    for family, pattern in _TEXTS.items():
        if name in _RAISED_IN[family] and pattern.fullmatch(str(error)):
            break
    else:
        return None
    own = bool(trace.spots) and trace.spots[-1].is_of_project
    return None if own and family not in _ANYWHERE else family


def leading_to(error: BaseException) -> Iterator[tuple[BaseException, ...]]:
    """Yield each error that pytest shows for a failure, with those around it before it.

    The cause, what was being handled, what SQLAlchemy wraps, and the members of a group.
    """
    waiting: list[tuple[BaseException, ...]] = [(error,)]
    known: set[int] = set()
    while waiting:
        path = waiting.pop(0)
        last = path[-1]
        if id(last) in known:
            continue
        known.add(id(last))
        yield path
        inner = last.exceptions if isinstance(last, BaseExceptionGroup) else ()
        context = None if last.__suppress_context__ else last.__context__
        linked = (last.__cause__, getattr(last, "orig", None), *inner, context)
        waiting += [(*path, one) for one in linked if isinstance(one, BaseException)]
