"""A schema that a function of the project creates."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_oneloop.schema.connecting import run_on_async_connection, run_on_connection
from pytest_oneloop.schema.fingerprint import digest_of_parts
from pytest_oneloop.schema.inputs import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection


class CallableSource:
    """Call a function of the project that creates the schema.

    A function with one argument is given a connection in a transaction that is committed after it:
    a `Connection`, or an `AsyncConnection` if it is an `async def`. A function without arguments
    connects by itself, with the application's own engine for example; it may be either, too.

    Args:
        target: What the user wrote: `shop.testing:create`.
        function: The function.
        dialect: The name of SQLAlchemy's dialect of the database.
    """

    kind = "callable"

    def __init__(
        self, target: str, function: Callable[..., Any], dialect: str = "postgresql"
    ) -> None:
        self._dialect = dialect
        self._target = target
        self._function = function

    @staticmethod
    def wanted_arguments(function: Callable[..., Any]) -> int:
        """Count the arguments that a function must be given."""
        parameters = inspect.signature(function).parameters.values()
        optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        return sum(
            one.default is inspect.Parameter.empty and one.kind not in optional
            for one in parameters
        )

    def fingerprint(self) -> str:
        """Return a digest of the file that the function is in."""
        digests = [(digest_of(file) or "").encode() for file in self.entry_files()]
        return digest_of_parts(
            ("callable", self._target.encode()), *(("source", digest) for digest in digests)
        )

    def create(self) -> None:
        """Call the function."""
        if self.wanted_arguments(self._function) == 0:
            result = self._function()
            if inspect.isawaitable(result):
                asyncio.run(_finish(result))
        elif inspect.iscoroutinefunction(self._function):
            run_on_async_connection(self._function, self._dialect)
        else:
            run_on_connection(self._call, self._dialect)

    def entry_files(self) -> list[Path]:
        """Return the file that the function is in; nothing if it is not written in Python."""
        try:
            name = inspect.getsourcefile(inspect.unwrap(self._function))
        except TypeError:
            # An object with `__call__`: its class is what has a source.
            name = inspect.getsourcefile(type(self._function))
        return [Path(name).resolve()] if name else []

    def _call(self, connection: Connection) -> None:
        self._function(connection)


async def _finish(result: Any) -> None:
    await result
