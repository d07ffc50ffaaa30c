"""An asynchronous session that synchronous code can close, under whichever runner."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from sqlalchemy import event

from pytest_oneloop.sandbox import greenlets

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Iterator

    from sqlalchemy.ext.asyncio import AsyncSession

_DEADLINE: Final = 30.0
"""Seconds for a loop that runs in another thread."""


@contextmanager
def closed_afterwards(session: AsyncSession, *, real: bool) -> Iterator[AsyncSession]:
    """Close a session when the context ends, from code that no event loop runs.

    In the sandbox closing it sends nothing, and needs no loop. On a real connection it rolls back,
    so it has to wait for the server on the loop that the session was used on; if that has closed,
    the connection has ended with it.

    Args:
        session: The session.
        real: Its connections are real ones.
    """
    if not real:
        try:
            yield session
        finally:
            session.sync_session.close()
        return
    used_on: list[AbstractEventLoop] = []

    def note(*_: object) -> None:
        used_on[:] = [asyncio.get_running_loop()]

    event.listen(session.sync_session, "after_begin", note)
    try:
        yield session
    finally:
        event.remove(session.sync_session, "after_begin", note)
        _close(session, used_on[0] if used_on and session.in_transaction() else None)


def _close(session: AsyncSession, loop: AbstractEventLoop | None) -> None:
    if loop is None:
        session.sync_session.close()
    elif loop.is_closed():
        session.sync_session.invalidate()
    elif loop.is_running():
        work = greenlets.run(session.sync_session.close)
        asyncio.run_coroutine_threadsafe(work, loop).result(_DEADLINE)
    else:
        loop.run_until_complete(greenlets.run(session.sync_session.close))
