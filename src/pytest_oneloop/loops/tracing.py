"""Coroutine functions that note, as they begin, on which event loop they run."""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from types import FrameType

    from pytest_oneloop.loops.record import LoopRecord
    from pytest_oneloop.loops.tracks import Origin, Ran


@dataclass(slots=True, eq=False)
class Watch:
    """A function that is watched, and what it runs as.

    Attributes:
        record: Gets what runs.
        origin: The fixture or the test that runs it next, or ran it last.
        test: The node id of the test that runs, or that asks for the fixture.
        ran: The latest run; `None` until it begins.
    """

    record: LoopRecord
    origin: Origin
    test: str = ""
    ran: Ran | None = None

    def expect(self, origin: Origin, test: str) -> None:
        """Say what the function will run as."""
        self.origin = origin
        self.test = test
        self.ran = None


def traced(function: Callable[..., Any], watch: Watch) -> Callable[..., Any] | None:
    """Return a function of the same kind that notes its loop, then does as `function` does.

    Args:
        function: Of a fixture or a test; not a bound method.
        watch: What it runs as. The frame of the returned function shows it to `ran_in`.

    Returns:
        `None` for what is neither a coroutine function nor one of an asynchronous generator.
    """
    if inspect.iscoroutinefunction(function):
        return _traced_coroutine(function, watch)
    if inspect.isasyncgenfunction(function):
        return _traced_generator(function, watch)
    return None


def _traced_coroutine(function: Callable[..., Any], watch: Watch) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        ran = _begin(watch)
        try:
            return await function(*args, **kwargs)
        finally:
            _end(ran)

    return call


def _traced_generator(function: Callable[..., Any], watch: Watch) -> Callable[..., Any]:
    @functools.wraps(function)
    async def generate(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        __tracebackhide__ = True
        ran = _begin(watch)
        async with aclosing(function(*args, **kwargs)) as values:
            async for value in values:
                _end(ran)
                yield value

    return generate


def ran_in(frame: FrameType) -> Ran | None:
    """Return what runs in a frame, if it is a frame of a traced function."""
    # Its globals tell a frame of this module, whatever its function is called.
    ran: Ran | None = frame.f_locals.get("ran") if frame.f_globals is globals() else None
    return ran


def _begin(watch: Watch) -> Ran | None:
    if watch.ran is None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # a loop of trio
            return None
        watch.ran = watch.record.begin(watch.origin, watch.test, loop)
    return watch.ran


def _end(ran: Ran | None) -> None:
    if ran is not None and ran.seconds is None:
        ran.seconds = time.perf_counter() - ran.started
