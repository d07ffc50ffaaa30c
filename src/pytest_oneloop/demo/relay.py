"""One client's connection through the proxy: counted, passed on, and sometimes asked a question."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import TYPE_CHECKING, Protocol

from pytest_oneloop.demo.wire import NEGOTIATIONS, ClientStream, Conversation, Heard

if TYPE_CHECKING:
    from collections.abc import Callable

_DEADLINE = 10.0
_CHUNK = 65536
_HEADER = struct.Struct("!cI")
# What a server may send at any time, and which is no answer.
_NOTICES = frozenset({b"N", b"S", b"A"})


class Question(Protocol):
    """Something to ask the server on a client's own connection, which the client never hears of.

    It is put before a statement that is about to be sent, outside a failed transaction, at a moment
    at which the client waits for nothing.
    """

    sql: str
    """A query of one row and one column."""

    def is_due(self, heard: Heard) -> bool:
        """Say whether to ask now, before this message."""

    def answer(self, value: str) -> None:
        """Take what the server said."""


class ServerStream:
    """Cuts what a server says into its messages: (letter, all of its bytes)."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """Take the next bytes and return the messages that they complete."""
        self._rest += data
        messages = []
        while len(self._rest) >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._rest)
            if len(self._rest) < length + 1:
                break
            messages.append((kind, bytes(self._rest[: length + 1])))
            del self._rest[: length + 1]
        return messages


class Relay:
    """Passes on what one client and its server say to each other.

    Args:
        client: The client's two ends.
        server: The server's two ends.
        conversation: Understands the client.
        hear: Called with each message of the client before it is passed on.
        question: What to ask on this connection, if anything.
    """

    def __init__(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        conversation: Conversation,
        hear: Callable[[Heard], None],
        question: Question | None = None,
    ) -> None:
        self._from_client, self._to_client = client
        self._from_server, self._to_server = server
        self._conversation = conversation
        self._hear = hear
        self._question = question
        self._at_rest = False
        self._asked: asyncio.Future[str] | None = None
        self._value = ""

    async def run(self) -> None:
        """Pass on, until one of the two closes."""
        pumps = {
            asyncio.create_task(self._listen()),
            asyncio.create_task(self._answer()),
        }
        try:
            done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.wait(pumps)
        for pump in done:
            pump.result()

    async def _listen(self) -> None:
        """Count and pass on what the client says."""
        stream = ClientStream()
        with contextlib.suppress(ConnectionError):  # a client or a server that is killed
            while data := await self._from_client.read(_CHUNK):
                for message in stream.feed(data):
                    heard = self._conversation.hear(message)
                    self._hear(heard)
                    if message.kind in NEGOTIATIONS:
                        self._to_client.write(b"N")
                        continue
                    if self._question and self._at_rest and self._question.is_due(heard):
                        await self._ask(self._question)
                    self._at_rest = False
                    self._to_server.write(message.raw)
                await self._to_client.drain()
                await self._to_server.drain()

    async def _ask(self, question: Question) -> None:
        self._asked, self._value = asyncio.get_running_loop().create_future(), ""
        body = question.sql.encode() + b"\0"
        self._to_server.write(_HEADER.pack(b"Q", len(body) + 4) + body)
        question.answer(await asyncio.wait_for(self._asked, _DEADLINE))

    async def _answer(self) -> None:
        """Pass on what the server says, but for the answers to our own question."""
        stream = ServerStream()
        with contextlib.suppress(ConnectionError):  # a client or a server that is killed
            while data := await self._from_server.read(_CHUNK):
                if self._question is None:
                    self._to_client.write(data)
                else:
                    for kind, raw in stream.feed(data):
                        self._take(kind, raw)
                await self._to_client.drain()

    def _take(self, kind: bytes, raw: bytes) -> None:
        if self._asked is None or kind in _NOTICES:
            self._to_client.write(raw)
            if kind == b"Z":  # ready for the next; in a failed transaction it would refuse
                self._at_rest = raw[-1:] != b"E"
        elif kind == b"D":
            # After the header: how many columns (2 bytes), the length of the first (4), its text.
            self._value = raw[_HEADER.size + 6 :].decode()
        elif kind == b"Z":
            self._asked.set_result(self._value)
            self._asked = None
