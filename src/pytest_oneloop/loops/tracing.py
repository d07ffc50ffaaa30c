"""Coroutine functions that note, as they begin, on which event loop they run."""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from collections.abc import Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from types import MethodType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
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
        return _TracedFunction(function, watch)
    if inspect.isasyncgenfunction(function):
        return _traced_generator(function, watch)
    return None


class _TracedFunction(functools.partial[Coroutine[Any, Any, Any]]):
    """A coroutine function; a partial one, which `inspect` knows as that by what it calls."""

    def __new__(cls, function: Callable[..., Any], watch: Watch) -> Self:
        made = super().__new__(cls, function)
        functools.update_wrapper(made, function)
        made.watch = watch
        return made

    watch: Watch

    def __call__(self, /, *args: Any, **kwargs: Any) -> _TracedCoroutine:
        return _TracedCoroutine(self.func(*args, **kwargs), self.watch)

    def __get__(self, instance: object, owner: type | None = None) -> Callable[..., Any]:
        """Be bound as a function is: fixtures that are methods are, to each test's instance."""
        # A partial one of itself is bound from Python 3.14 on, and not before.
        return self if instance is None else MethodType(self, instance)


class _TracedCoroutine(Coroutine[Any, Any, Any]):
    """A coroutine that notes its loop, then does as another.

    It has no frame of its own for a task to show: errors name the line of the other one.
    """

    __slots__ = ("_coroutine", "_ran", "_watch")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], watch: Watch) -> None:
        self._coroutine = coroutine
        self._watch = watch
        self._ran: Ran | None = None

    def __getattr__(self, name: str) -> Any:
        """Return what tasks and debuggers ask a coroutine for: its name, its frame."""
        return getattr(self._coroutine, name)

    def __await__(self) -> Generator[Any, Any, Any]:
        __tracebackhide__ = True
        ran = self._ran = _begin(self._watch)
        try:
            return (yield from self._coroutine.__await__())
        finally:
            _end(ran)

    def send(self, value: Any, /) -> Any:
        __tracebackhide__ = True
        if self._ran is None:
            self._ran = _begin(self._watch)
        ran = self._ran
        try:
            return self._coroutine.send(value)
        except BaseException:
            _end(ran)
            raise

    def throw(self, *error: Any) -> Any:
        __tracebackhide__ = True
        ran = self._ran
        try:
            return self._coroutine.throw(*error)
        except BaseException:
            _end(ran)
            raise

    def close(self) -> None:
        self._coroutine.close()


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
