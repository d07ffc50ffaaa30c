"""Something that only one may do at a time, of tasks on any loop and of threads."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from pytest_oneloop.sandbox import greenlets

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEADLINE: Final = 60.0
"""Seconds to wait for the one who is at it."""


class Alone:
    """Lets one in after the other, whether they can wait on an event loop or not."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._inside: Future[None] | None = None

    @contextmanager
    def entered(self, *, waits: bool) -> Iterator[None]:
        """Be the only one. Costs nothing worth telling where nobody else is.

        Code that blocks an event loop does not wait: it might be for a task of that loop.

        Args:
            waits: The caller can wait on the running loop.

        Raises:
            TimeoutError: The one inside took longer than 60 s.
        """
        own: Future[None] = Future()
        own.set_running_or_notify_cancel()
        while True:
            with self._guard:
                other = self._inside
                if other is None:
                    self._inside = own
                    break
            if waits:
                greenlets.wait_for(_ended(other))
            elif greenlets.running_loop() is None:
                other.result(_DEADLINE)
            else:
                break
        try:
            yield
        finally:
            with self._guard:
                if self._inside is own:
                    self._inside = None
            own.set_result(None)


async def _ended(other: Future[None]) -> None:
    async with asyncio.timeout(_DEADLINE):
        await asyncio.wrap_future(other)
