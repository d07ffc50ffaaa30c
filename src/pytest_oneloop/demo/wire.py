"""What a PostgreSQL client says: protocol version 3 taken apart, without I/O.

Source: "Frontend/Backend Protocol", chapter "Message Formats", of the PostgreSQL manual.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

# The four messages that have a number instead of a letter. They come first on a connection.
_NUMBERED = {
    80877102: "CancelRequest",
    80877103: "SSLRequest",
    80877104: "GSSENCRequest",
}
_MAJOR_VERSION = 3
NEGOTIATIONS = frozenset({"SSLRequest", "GSSENCRequest"})

# A COPY FROM STDIN that a Query started ends with one of these; the client then waits.
_COPY_ENDS = frozenset({"c", "f"})


class WireError(Exception):
    """Bytes that no PostgreSQL client sends.

    Attributes:
        data: The first bytes that could not be understood.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        super().__init__(f"not a message of PostgreSQL's protocol 3: {data[:16]!r}")


@dataclass(frozen=True, slots=True)
class ClientMessage:
    """One message of a client.

    Attributes:
        kind: The message's letter, or `Startup`, `SSLRequest`, `GSSENCRequest`, `CancelRequest`.
        body: What follows the length.
        raw: The whole message, as it was sent.
    """

    kind: str
    body: bytes
    raw: bytes


class ClientStream:
    """Cuts the bytes of one connection into messages."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._started = False

    def feed(self, data: bytes) -> list[ClientMessage]:
        """Take the next bytes and return the messages that they complete.

        Raises:
            WireError: The bytes are no message of this protocol.
        """
        self._rest += data
        messages = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    def _next(self) -> ClientMessage | None:
        letters = 1 if self._started else 0
        if len(self._rest) < letters + 4:
            return None
        length = int.from_bytes(self._rest[letters : letters + 4])
        if length < (4 if self._started else 8):
            raise WireError(bytes(self._rest))
        size = letters + length
        if len(self._rest) < size:
            return None
        raw = bytes(self._rest[:size])
        del self._rest[:size]
        return ClientMessage(self._kind(raw), raw[letters + 4 :], raw)

    def _kind(self, raw: bytes) -> str:
        if self._started:
            return chr(raw[0])
        code = int.from_bytes(raw[4:8])
        if code in _NUMBERED:
            return _NUMBERED[code]
        if code >> 16 != _MAJOR_VERSION:  # the upper half of it
            raise WireError(raw)
        self._started = True
        return "Startup"


@dataclass(frozen=True, slots=True)
class Heard:
    """What one message meant.

    Attributes:
        connection: The number of the connection, counted from 1.
        kind: As in `ClientMessage`.
        ends_group: Whether the client now waits for an answer.
        executed: The SQL that this message runs.
        parsed: The SQL that this message prepares.
        bound: The SQL that this message gives values to.
        database: The database that the connection is of; empty until it has said so.
    """

    connection: int
    kind: str
    ends_group: bool = False
    executed: str | None = None
    parsed: str | None = None
    bound: str | None = None
    database: str = ""

    @property
    def sql(self) -> str:
        """The SQL that this message is about, whatever it does with it; empty for none."""
        return self.executed or self.parsed or self.bound or ""


class Conversation:
    """Follows one connection: which names stand for which SQL, and where a group ends.

    A *group* is what a client sends before it waits: one Query, or a run of extended messages
    up to Sync or Flush, or the data of a COPY up to its end. Logging in is no group.
    """

    def __init__(self, connection: int) -> None:
        self._connection = connection
        self._database = ""
        self._statements: dict[str, str] = {}
        self._portals: dict[str, str] = {}
        self._extended = False

    def hear(self, message: ClientMessage) -> Heard:
        """Take the next message and say what it means."""
        kind = message.kind
        if kind == "Startup":
            self._database = _database(message)
        heard = Heard(self._connection, kind, database=self._database)
        if kind == "Q":
            self._extended = False
            return replace(heard, ends_group=True, executed=_texts(message)[0])
        if kind == "P":
            name, sql = _texts(message)[:2]
            self._statements[name] = sql
            return replace(heard, parsed=sql)
        if kind == "B":
            portal, name = _texts(message)[:2]
            self._portals[portal] = self._statements.get(name, "")
            return replace(heard, bound=self._portals[portal])
        if kind == "E":
            self._extended = True
            portal = _texts(message)[0]
            return replace(heard, executed=self._portals.get(portal, ""))
        # After an extended COPY the client sends a Sync as well, and that is counted.
        ends_copy = kind in _COPY_ENDS and not self._extended
        return replace(heard, ends_group=ends_copy or kind in {"S", "H", "F"})


def _database(startup: ClientMessage) -> str:
    """Return the database that a client asks for: its user's name, where it names none."""
    words = startup.body[4:].decode(errors="replace").split("\0")
    named = dict(zip(words[::2], words[1::2], strict=False))
    return named.get("database") or named.get("user", "")


def _texts(message: ClientMessage) -> list[str]:
    return [text.decode(errors="replace") for text in message.body.split(b"\0", 2)[:2]]
