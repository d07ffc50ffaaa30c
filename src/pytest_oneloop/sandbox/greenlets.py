"""The bridge between SQLAlchemy's synchronous inside and the event loop.

`await_only` and `greenlet_spawn` are exported by `sqlalchemy.util` in 2.0 and 2.1, and used by
SQLAlchemy's own asyncio extension, but only `AdaptedConnection.run_async` is documented, and that
needs a connection. The plugin must wait before it has one. Both uses are here and nowhere else.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.util import await_only, greenlet_spawn

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


def running_loop() -> AbstractEventLoop | None:
    """Return the event loop that runs in this thread, if one does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def wait_for(awaitable: Awaitable[T]) -> T:
    """Await, from synchronous code that SQLAlchemy runs for a coroutine.

    Raises:
        sqlalchemy.exc.MissingGreenlet: Called from anywhere else.
    """
    return await_only(awaitable)


async def run(function: Callable[..., T], *args: object) -> T:
    """Run synchronous code that may call `wait_for`."""
    return await greenlet_spawn(function, *args)


async def unbroken(awaitable: Awaitable[T]) -> T:
    """Await something short to its end, even if the task is cancelled meanwhile.

    So nobody has to guess how far it came.

    Raises:
        asyncio.CancelledError: The task was cancelled; the awaitable has ended.
    """
    work = asyncio.ensure_future(awaitable)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError as cancelled:
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait((work,))
        if not work.cancelled() and (error := work.exception()) is not None:
            raise error from cancelled
        raise
