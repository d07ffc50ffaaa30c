"""Where a real connection lives, and how a statement gets there."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from pytest_oneloop.sandbox import greenlets
from pytest_oneloop.sandbox.abroad import Abroad

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

_DEADLINE: Final = 30.0
"""Seconds for the plugin's loop to start and to stop."""


class Home(Protocol):
    """How to reach a connection."""

    def call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a function where the connection lives, and wait for it."""

    def tell(self, function: Callable[..., object], *args: Any) -> None:
        """Run a function there that sends nothing; perhaps a moment later."""

    def outward(self, driver_connection: Any) -> Any:
        """Return the driver's connection in a form that the caller's loop can use."""


class Here:
    """The connection is on the loop that runs, or on none."""

    def call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call the function."""
        __tracebackhide__ = True
        return function(*args, **kwargs)

    def tell(self, function: Callable[..., object], *args: Any) -> None:
        """Call the function."""
        __tracebackhide__ = True
        function(*args)

    def outward(self, driver_connection: Any) -> Any:
        """Return it as it is."""
        return driver_connection


class HostLoop:
    """An event loop of the plugin, on a thread of its own, for tests whose loops come and go.

    A synchronous test that drives the application through `TestClient` may start a loop for every
    request. What one of them commits the next must see, so the connection outlives them here.
    A statement costs two changes of thread, some 0.1 ms.
    """

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._run, name="pytest-oneloop connections", daemon=True
        )
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            left = asyncio.all_tasks(self.loop)
            for task in left:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        finally:
            self.loop.close()

    def close(self) -> None:
        """Stop the loop, and close the connections on it.

        Raises:
            TimeoutError: It did not stop.
        """
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_DEADLINE)
        if self._thread.is_alive():
            raise TimeoutError(self._thread.name)

    def call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run the function on the plugin's loop; the caller's own loop goes on meanwhile."""
        __tracebackhide__ = True
        work = greenlets.run(lambda: function(*args, **kwargs))
        if _in_task():
            return greenlets.wait_for(self._arrive(work))
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    async def _arrive(self, work: Coroutine[Any, Any, T]) -> T:
        __tracebackhide__ = True
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop))

    def tell(self, function: Callable[..., object], *args: Any) -> None:
        """Run the function on the plugin's loop when it comes to it."""
        self.loop.call_soon_threadsafe(function, *args)

    def outward(self, driver_connection: Any) -> Any:
        """Return a stand-in whose coroutines run on the plugin's loop."""
        return Abroad(driver_connection, self.loop)


def _in_task() -> bool:
    try:
        return asyncio.current_task() is not None
    except RuntimeError:
        return False
