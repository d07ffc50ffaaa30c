"""A driver's objects, used from another event loop than their own."""

from __future__ import annotations

import asyncio
import inspect
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Awaitable, Generator

_ASYNC = ("__aenter__", "__aiter__", "__anext__", "__await__")


class Abroad:
    """Stands for an object on another loop: whatever is awaited of it is awaited there.

    So are the things that it returns: cursors, transactions, prepared statements.

    Args:
        target: The object.
        loop: The loop that it belongs to, which runs in another thread.
    """

    __slots__ = ("_loop", "_target")

    def __init__(self, target: Any, loop: AbstractEventLoop) -> None:
        self._target = target
        self._loop = loop

    @property  # type: ignore[misc]  # object's has a setter, which nothing here uses
    def __class__(self) -> Any:
        """Pass for the object: drivers ask `isinstance`."""
        return type(self._target)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            return self._home(found(*map(_target_of, args), **kwargs))

        return call

    async def __aenter__(self) -> Any:
        return await self._there(self._target.__aenter__())

    async def __aexit__(self, *error: object) -> Any:
        return await self._there(self._target.__aexit__(*error))

    def __aiter__(self) -> Any:
        return self._home(self._target.__aiter__())

    async def __anext__(self) -> Any:
        return await self._there(self._target.__anext__())

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._there(self._target).__await__()

    def _home(self, result: Any) -> Any:
        """Return something of the other loop in a form for this one."""
        if inspect.iscoroutine(result):
            return self._there(result)
        # mypy forgets that classes are hashable.
        awaits = _is_async(type(result))  # type: ignore[arg-type]
        return Abroad(result, self._loop) if awaits else result

    async def _there(self, awaitable: Awaitable[Any]) -> Any:
        async def run() -> Any:
            return await awaitable

        work = asyncio.run_coroutine_threadsafe(run(), self._loop)
        return self._home(await asyncio.wrap_future(work))


def _target_of(argument: Any) -> Any:
    # isinstance() would be told the class that it passes for.
    return argument._target if type(argument) is Abroad else argument  # noqa: SLF001 - its own


@lru_cache(maxsize=256)
def _is_async(kind: type) -> bool:
    return any(hasattr(kind, name) for name in _ASYNC) or any(
        inspect.iscoroutinefunction(member)
        for base in kind.__mro__
        for member in vars(base).values()
    )
