"""The feed of orders: what the database tells of each change, once it is committed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import CancelScope, WouldBlock, create_memory_object_stream
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

CHANNEL = "orders"
BEHIND = 1000
"""How many changes may wait for one watcher."""


class OrderFeed:
    """Lets many watch the orders over one connection, which is open while anybody does."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._connection: AsyncConnection | None = None
        self._driver: object = None
        self._watchers: set[MemoryObjectSendStream[str]] = set()
        self._changing = asyncio.Lock()

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[MemoryObjectReceiveStream[str]]:
        """Give every change from now on, as JSON.

        They come to an end where one would be missed: the watcher is too slow, or the connection
        to the database was lost. Whoever wants to go on watches anew.
        """
        watcher, changes = create_memory_object_stream[str](BEHIND)
        with watcher, changes:
            async with self._changing:
                if not self._watchers:
                    await self._stop()
                    await self._listen()
                self._watchers.add(watcher)
            try:
                yield changes
            finally:
                self._watchers.discard(watcher)
                with CancelScope(shield=True):
                    async with self._changing:
                        if not self._watchers:
                            await self._stop()

    async def _listen(self) -> None:
        connection = await self._engine.connect()
        try:
            driver = (await connection.get_raw_connection()).driver_connection
            await driver.add_listener(CHANNEL, self._heard)
            driver.add_termination_listener(self._lost)
        except BaseException:
            await connection.close()
            raise
        self._connection, self._driver = connection, driver

    async def _stop(self) -> None:
        connection, self._connection, self._driver = self._connection, None, None
        if connection is not None:
            # It has listened, so no other part of the shop is to get it from the pool.
            await connection.invalidate()
            await connection.close()

    def _heard(self, _driver: object, _pid: int, _channel: str, change: str) -> None:
        for watcher in list(self._watchers):
            try:
                watcher.send_nowait(change)
            except WouldBlock:
                self._end(watcher)

    def _lost(self, driver: object) -> None:
        if driver is self._driver:
            for watcher in list(self._watchers):
                self._end(watcher)

    def _end(self, watcher: MemoryObjectSendStream[str]) -> None:
        self._watchers.discard(watcher)
        watcher.close()
