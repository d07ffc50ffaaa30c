"""A proxy in front of a PostgreSQL, that counts what its clients say.

Messages are exact where a clock is not: one message to the server is what isolating a test may
cost, on every machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from pytest_oneloop.demo.relay import Relay
from pytest_oneloop.demo.traffic import Traffic
from pytest_oneloop.demo.wire import Conversation

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from pytest_oneloop.databases.address import ServerAddress
    from pytest_oneloop.demo.relay import Question
    from pytest_oneloop.demo.wire import Heard

_DEADLINE = 10.0
"""Seconds that starting, stopping and reaching the server may each take."""


class CountingProxy:
    """Stands in front of a server while its block lasts.

    A message is counted before it is passed on, so a client that has an answer has been counted.
    Each message costs its client some 0.1 ms more than without the proxy.

    Args:
        upstream: The server, on TCP or on a unix socket. It is spoken to without TLS.
        folder: Listen on a unix socket in this folder; on loopback if not given.
        question: What to ask on the clients' connections, if anything.
    """

    def __init__(
        self,
        upstream: ServerAddress,
        *,
        folder: Path | None = None,
        question: Question | None = None,
    ) -> None:
        self._upstream = upstream
        self._folder = folder
        self._question = question
        self._port = 0
        self._log: list[Heard] = []
        self._connections = 0
        self._relays: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="counting-proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_DEADLINE):
            message = f"the proxy did not start within {_DEADLINE} s"
            raise TimeoutError(message)
        self._raise_failures()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_DEADLINE)
        if self._thread.is_alive():
            message = f"the proxy did not stop within {_DEADLINE} s"
            raise TimeoutError(message)
        if error is None:
            self._raise_failures()

    @property
    def address(self) -> ServerAddress:
        """The proxy's own address; user, password and database are the server's."""
        host = "127.0.0.1" if self._folder is None else str(self._folder)
        return replace(self._upstream, host=host, port=self._port)

    @property
    def open_connections(self) -> int:
        """How many connections stand at this moment."""
        return len(self._relays)

    def mark(self) -> int:
        """Return this moment, for `since`."""
        return len(self._log)

    def since(self, mark: int = 0) -> Traffic:
        """Return what was said since a moment; without one, since the start."""
        return Traffic.of(self._log[mark:])

    def log(self, mark: int = 0) -> list[Heard]:
        """Return each message since a moment; without one, since the start."""
        return self._log[mark:]

    def _raise_failures(self) -> None:
        if self._failures:
            message = "the counting proxy failed"
            raise BaseExceptionGroup(message, self._failures)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            self._failures.append(error)
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        if self._folder is None:
            server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
            self._port = server.sockets[0].getsockname()[1]
        else:
            # The name that every client of PostgreSQL looks for in a folder of sockets.
            self._port = self._upstream.port
            place = str(replace(self._upstream, host=str(self._folder)))
            server = await asyncio.start_unix_server(self._accept, place)
        self._ready.set()
        await self._stop.wait()
        server.close()
        for relay in self._relays:
            relay.cancel()
        if self._relays:
            await asyncio.wait(self._relays, timeout=_DEADLINE)
        await asyncio.wait_for(server.wait_closed(), _DEADLINE)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A plain function, so that the task, its errors and its end are ours.
        relay = asyncio.create_task(self._relay(reader, writer))
        self._relays.add(relay)
        relay.add_done_callback(self._ended)

    def _ended(self, relay: asyncio.Task[None]) -> None:
        self._relays.discard(relay)
        if not relay.cancelled() and (error := relay.exception()) is not None:
            self._failures.append(error)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        conversation = Conversation(self._connections)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(_close, writer)
            server = await asyncio.wait_for(self._reach(), _DEADLINE)
            stack.push_async_callback(_close, server[1])
            client = (reader, writer)
            await Relay(client, server, conversation, self._log.append, self._question).run()

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._upstream.is_socket:
            return await asyncio.open_unix_connection(str(self._upstream))
        return await asyncio.open_connection(self._upstream.host, self._upstream.port)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):  # the other side was quicker
        await asyncio.wait_for(writer.wait_closed(), _DEADLINE)
