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
        self._watchers: set[MemoryObjectSendStream[str]] = set()
        self._changing = asyncio.Lock()

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[MemoryObjectReceiveStream[str]]:
        """Give every change from now on, as JSON.

        They come to an end where one would be missed: the watcher is too slow, or the connection
        to the database was lost. Whoever wants to go on watches anew.
        """
        watcher, changes = create_memory_object_stream[str](BEHIND)
        async with self._changing:
            if self._connection is None:
                self._connection = await self._listen()
            self._watchers.add(watcher)
        try:
            with changes:
                yield changes
        finally:
            watcher.close()
            with CancelScope(shield=True):
                async with self._changing:
                    self._watchers.discard(watcher)
                    if not self._watchers:
                        await self._stop()

    async def _listen(self) -> AsyncConnection:
        connection = await self._engine.connect()
        try:
            driver = (await connection.get_raw_connection()).driver_connection
            await driver.add_listener(CHANNEL, self._heard)
            driver.add_termination_listener(self._lost)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _stop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # It has listened, so no other part of the shop gets it from the pool.
            await connection.invalidate()
            await connection.close()

    def _heard(self, _connection: object, _pid: int, _channel: str, change: str) -> None:
        for watcher in self._watchers:
            try:
                watcher.send_nowait(change)
            except WouldBlock:
                watcher.close()

    def _lost(self, _connection: object) -> None:
        for watcher in self._watchers:
            watcher.close()
