"""The listener counts each connection, and goes."""

from __future__ import annotations

import socket
import threading

from tools.listeners import CountingListener


def test_each_connection_counts_and_is_hung_up() -> None:
    with CountingListener() as listener:
        assert listener.accepted == 0
        for count in (1, 2, 3):
            with socket.create_connection((listener.host, listener.port), 10) as client:
                assert client.recv(1) == b""
            assert listener.accepted == count


def test_nothing_is_left() -> None:
    with CountingListener() as listener:
        pass
    assert "counting-listener" not in {thread.name for thread in threading.enumerate()}
    with socket.socket() as probe:
        assert probe.connect_ex((listener.host, listener.port)) != 0
