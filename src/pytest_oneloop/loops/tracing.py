"""Coroutine functions that note, as they begin, on which event loop they run."""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
import types
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from types import FrameType

    from pytest_oneloop.loops.record import LoopRecord, Ran


def traced(function: Callable[..., Any], ran: Ran, record: LoopRecord) -> Callable[..., Any]:
    """Return a function of the same kind that notes its loop, then does as `function` does.

    A method stays a method, of the same instance, for pytest may bind it to another one. What is no
    coroutine function, nor one of an asynchronous generator, is returned as it is.

    Args:
        function: Of a fixture or a test.
        ran: What it is; the frame of the returned function holds it, for `ran_in`.
        record: Gets it when it runs on a loop of asyncio.
    """
    if inspect.ismethod(function):
        inner = traced(function.__func__, ran, record)
        return (
            function if inner is function.__func__ else types.MethodType(inner, function.__self__)
        )
    if inspect.iscoroutinefunction(function):
        return _traced_coroutine(function, ran, record)
    if inspect.isasyncgenfunction(function):
        return _traced_generator(function, ran, record)
    return function


def _traced_coroutine(
    function: Callable[..., Any], ran: Ran, record: LoopRecord
) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        _begin(ran, record)
        try:
            return await function(*args, **kwargs)
        finally:
            _end(ran)

    return call


def _traced_generator(
    function: Callable[..., Any], ran: Ran, record: LoopRecord
) -> Callable[..., Any]:
    @functools.wraps(function)
    async def generate(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        __tracebackhide__ = True
        _begin(ran, record)
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


def _begin(ran: Ran, record: LoopRecord) -> None:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # a loop of trio
        return
    if ran.track is None:
        record.begin(ran, loop)


def _end(ran: Ran) -> None:
    if ran.seconds is None and ran.track is not None:
        ran.seconds = time.perf_counter() - ran.started
