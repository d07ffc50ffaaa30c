"""A proxy on loopback, in front of a PostgreSQL, that counts what its clients say.

Messages are exact where a clock is not: one message to the server is what isolating a test may
cost, on every machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from tools.wire import NEGOTIATIONS, ClientStream, Conversation, Heard

if TYPE_CHECKING:
    from types import TracebackType

    from pytest_oneloop.databases.address import ServerAddress

_DEADLINE = 10.0
"""Seconds that starting, stopping and reaching the server may each take."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What clients said between two moments.

    Attributes:
        messages: Groups that a client sent and waited for (see `wire.Conversation`), without
            logging in and out.
        sql: The statements that were run, in the order of their arrival.
        parsed: The statements that were prepared, in the order of their arrival.
        connections: Connections opened.
        by_type: Messages of the protocol by letter, logging in and out included. A Terminate
            (`X`) is not answered, so it may come in a moment after the client has closed.
        by_connection: `messages` for each connection, by its number.
    """

    messages: int
    sql: list[str]
    parsed: list[str]
    connections: int
    by_type: Counter[str]
    by_connection: Counter[int]

    @classmethod
    def of(cls, log: list[Heard]) -> Self:
        """Add up a piece of the log."""
        return cls(
            messages=sum(heard.ends_group for heard in log),
            sql=[heard.executed for heard in log if heard.executed is not None],
            parsed=[heard.parsed for heard in log if heard.parsed is not None],
            connections=sum(heard.kind == "Startup" for heard in log),
            by_type=Counter(heard.kind for heard in log),
            by_connection=Counter(heard.connection for heard in log if heard.ends_group),
        )


class CountingProxy:
    """Stands in front of a server while its block lasts.

    A message is counted before it is passed on, so a client that has an answer has been counted.
    Each message costs its client some 0.1 ms more than without the proxy.

    Args:
        upstream: The server, on TCP or on a unix socket. It is spoken to without TLS.
    """

    def __init__(self, upstream: ServerAddress) -> None:
        self._upstream = upstream
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
        return replace(self._upstream, host="127.0.0.1", port=self._port)

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
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
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
            server_reader, server_writer = await asyncio.wait_for(self._reach(), _DEADLINE)
            stack.push_async_callback(_close, server_writer)
            pumps = {
                asyncio.create_task(self._listen(reader, writer, server_writer, conversation)),
                asyncio.create_task(_pump(server_reader, writer)),
            }
            try:
                done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.wait(pumps)
            for pump in done:
                pump.result()

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._upstream.is_socket:
            return await asyncio.open_unix_connection(str(self._upstream))
        return await asyncio.open_connection(self._upstream.host, self._upstream.port)

    async def _listen(
        self,
        client: asyncio.StreamReader,
        answer: asyncio.StreamWriter,
        server: asyncio.StreamWriter,
        conversation: Conversation,
    ) -> None:
        """Count and pass on what the client says, until it closes."""
        stream = ClientStream()
        with contextlib.suppress(ConnectionError):  # a client or a server that is killed
            while data := await client.read(65536):
                for message in stream.feed(data):
                    self._log.append(conversation.hear(message))
                    if message.kind in NEGOTIATIONS:
                        answer.write(b"N")
                    else:
                        server.write(message.raw)
                await answer.drain()
                await server.drain()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what the server says, until it closes."""
    with contextlib.suppress(ConnectionError):  # a client or a server that is killed
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):  # the other side was quicker
        await asyncio.wait_for(writer.wait_closed(), _DEADLINE)
