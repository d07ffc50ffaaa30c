"""A listener that counts who comes: what a database looks like that must not be touched."""

from __future__ import annotations

import selectors
import socket
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

_DEADLINE = 10.0


class CountingListener:
    """Listens on loopback while its block lasts, counts each connection, and hangs up.

    Attributes:
        host: Always `127.0.0.1`.
        port: A free port, chosen by the system.
        accepted: How many connections have come.
    """

    def __init__(self) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self.accepted = 0
        self._socket = socket.socket()
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="counting-listener", daemon=True)

    def __enter__(self) -> Self:
        self._socket.bind((self.host, 0))
        self._socket.listen()
        self.port = self._socket.getsockname()[1]
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._wake.send(b"x")
        self._thread.join(_DEADLINE)
        for one in (self._socket, self._wake, self._woken):
            one.close()
        if self._thread.is_alive():
            message = f"the listener did not stop within {_DEADLINE} s"
            raise TimeoutError(message)

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._socket in ready:
                    client, _ = self._socket.accept()
                    self.accepted += 1
                    client.close()
                elif self._woken in ready:
                    return
