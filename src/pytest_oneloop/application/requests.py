"""The requests of a client, which end with it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pytest_oneloop.application.lifespan import ASGIApplication, Message, Receive, Send

GRACE: Final = 0.5
"""How long requests that nobody waits for may go on, in seconds."""

DEADLINE: Final = 5.0
"""How long a cancelled request may take to clean up, in seconds."""


class Requests:
    """An ASGI application that knows which requests are under way.

    Args:
        app: What handles them.
    """

    def __init__(self, app: ASGIApplication) -> None:
        self._app = app
        self._tasks: set[asyncio.Task[object]] = set()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handle one request."""
        __tracebackhide__ = True
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is a coroutine of one
        if task in self._tasks:
            # A request that was made in the course of another, in the same task.
            await self._app(scope, receive, send)
            return
        self._tasks.add(task)
        try:
            await self._app(scope, receive, send)
        finally:
            self._tasks.discard(task)

    async def end(self) -> None:
        """End the requests that nobody waits for any more, before the application shuts down.

        Of twenty requests that a test has made with `gather`, the first that fails ends the test,
        and the others would go on into the next one. They may come to their end, since a thread
        that works for one cannot be stopped; then they are cancelled. Costs nothing where there
        are none.
        """
        left = self._tasks - {asyncio.current_task()}
        if left:
            _, left = await asyncio.wait(left, timeout=GRACE)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=DEADLINE)
