"""Engines of two databases in front of one sandbox, by any driver."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from pytest_oneloop.sandbox import greenlets
from pytest_oneloop.sandbox.addresses import Addresses
from pytest_oneloop.sandbox.router import Router

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from pytest_oneloop.sandbox.links import Target
    from pytest_oneloop.sandbox.sandbox import Sandbox

T = TypeVar("T")

NAMES = ("first", "second")
"""What the application's URLs call the two. The sandbox is told of the second name alone."""


class Pair:
    """One driver, two databases, the router before them.

    Args:
        driver: As SQLAlchemy calls it: `postgresql+asyncpg`.
        asynchronous: Whether it is used by tasks.
        targets: The two databases.
        named: Whether the router is told that they are two.
    """

    def __init__(
        self,
        driver: str,
        targets: tuple[Target, Target],
        *,
        asynchronous: bool,
        named: bool = True,
    ) -> None:
        self.driver = driver
        self.asynchronous = asynchronous
        dialect = driver.partition("+")[0]
        self.targets = dict(zip((dialect, f"{dialect}:{NAMES[1]}"), targets, strict=True))
        names = NAMES[1:] if named else ()
        self.router = Router(
            self.targets.__getitem__, frozenset(), addresses=Addresses(names=names)
        )

    @contextmanager
    def open(self) -> Iterator[Pair]:
        """Lead all engines, while the block lasts."""
        self.router.listen()
        try:
            yield self
        finally:
            self.router.close()

    def engines(self) -> list[Engine]:
        """Make an engine for each; asynchronous ones are to be used inside `run`."""
        host = "" if self.driver.startswith("sqlite") else "nobody@nowhere.invalid"
        return [self._engine(f"{self.driver}://{host}/{name}") for name in NAMES]

    def _engine(self, url: str) -> Engine:
        if self.asynchronous:
            return create_async_engine(url).sync_engine
        return create_engine(url)

    @contextmanager
    def test(self, *, real: bool = False) -> Iterator[Sandbox]:
        """Run a test, while the block lasts; with real commits, if so.

        It ends with nothing to complain about.
        """
        target = self.targets.__getitem__ if real else None
        pools = ("commit" if real else "rollback",)
        sandbox = self.router.begin("test_it", hosted=False, target=target, pools=pools)
        try:
            yield sandbox
        finally:
            sandbox.closing = True
            self.router.end()
        assert sandbox.problems == []

    def run(self, *bodies: Callable[[], T]) -> list[T]:
        """Run functions that use engines: tasks of one loop at once, others one after another."""
        if not self.asynchronous:
            return [body() for body in bodies]

        async def together() -> list[Any]:
            return await asyncio.gather(*(greenlets.run(body) for body in bodies))

        return asyncio.run(together())
