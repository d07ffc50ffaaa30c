"""Who listens at an address, asked through every driver."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import socketserver
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.databases import postgresql
from pytest_oneloop.databases.address import ServerAddress
from pytest_oneloop.databases.binaries import find_binaries
from pytest_oneloop.databases.embedded import start_server
from pytest_oneloop.databases.postgresql import Admin, administer
from pytest_oneloop.databases.seeds import SeedCache
from pytest_oneloop.databases.serverinfo import identify
from pytest_oneloop.databases.workers import create_worker, drop_worker
from pytest_oneloop.errors.connection import (
    AuthenticationError,
    NotPostgreSQLError,
    ServerTimeoutError,
    ServerUnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.server


@pytest.fixture(params=["asyncpg", "psycopg", "psycopg2"])
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name = str(request.param)
    monkeypatch.setattr(postgresql, "installed_drivername", lambda: f"postgresql+{name}")
    return name


@contextlib.contextmanager
def listener(greeting: bytes | None, answer: bytes | None) -> Iterator[ServerAddress]:
    """Listen, say `greeting` first and `answer` after what the client says; `None` is silence."""
    over = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            if greeting:
                self.request.sendall(greeting)
            self.request.recv(64)
            if answer:
                self.request.sendall(answer)
            if greeting is None and answer is None:
                over.wait(30)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield ServerAddress("127.0.0.1", server.server_address[1], "postgres")
        finally:
            over.set()
            server.shutdown()
            thread.join(10)


def test_the_version(tcp_server: ServerAddress, driver: str) -> None:
    info = identify(tcp_server, source=driver)
    assert info.version.partition(".")[0] == str(info.number // 10000)


def test_a_wrong_password(tcp_server: ServerAddress, driver: str) -> None:
    address = replace(tcp_server, password="wr0ng")
    with pytest.raises(AuthenticationError) as caught:
        identify(address, source=driver)
    assert caught.value.source == driver
    assert 'password authentication failed for user "postgres"' in caught.value.reason
    assert "wr0ng" not in str(caught.value)


@pytest.mark.usefixtures("driver")
def test_no_password(
    tcp_server: ServerAddress, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    with pytest.raises(AuthenticationError, match="without a password"):
        identify(replace(tcp_server, password=None), source="ONELOOP_SERVER")


@pytest.mark.usefixtures("driver")
def test_an_unknown_role(tcp_server: ServerAddress) -> None:
    with pytest.raises(AuthenticationError) as caught:
        identify(replace(tcp_server, user="nobody at all"), source="ONELOOP_SERVER")
    assert caught.value.address.user == "nobody at all"


@pytest.mark.usefixtures("driver")
def test_an_unknown_database(tcp_server: ServerAddress) -> None:
    with pytest.raises(ServerUnreachableError) as caught:
        identify(replace(tcp_server, database="none"), source="ONELOOP_SERVER")
    assert 'database "none" does not exist' in caught.value.reason


def test_nobody_listens() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(ServerUnreachableError) as caught:
        identify(ServerAddress("127.0.0.1", port, "postgres"), source="ONELOOP_SERVER")
    assert caught.value.reason == "Connection refused"


def test_no_such_host() -> None:
    with pytest.raises(ServerUnreachableError) as caught:
        identify(ServerAddress("nowhere.invalid", 5432, "postgres"), source="ONELOOP_SERVER")
    assert caught.value.reason


def test_no_such_socket(tmp_path: Path) -> None:
    with pytest.raises(ServerUnreachableError) as caught:
        identify(ServerAddress(str(tmp_path), 5432, "postgres"), source="ONELOOP_SERVER")
    assert caught.value.reason == "No such file or directory"


@pytest.mark.parametrize(
    ("greeting", "answer", "words"),
    [
        # As long as an S says: the first byte of a MariaDB's greeting is its length.
        (
            b"S\0\0\0\x0a11.4.2-MariaDB\0",
            None,
            "is a MySQL or MariaDB server, 11.4.2-MariaDB",
        ),
        (
            b"n\0\0\0\x0a5.5.5-10.6.18-MariaDB\0",
            None,
            "is a MySQL or MariaDB server, 10.6.18-MariaDB",
        ),
        (b"n\0\0\0\x0a8.4.3\0....", None, "is a MySQL or MariaDB server, 8.4.3"),
        (None, b"-ERR unknown command\r\n", "answered b'-ERR unknown command\\r\\n'"),
        (None, b"HTTP/1.1 400 Bad Request\r\n", "answered b'HTTP/1.1 400 Bad Request\\r\\n'"),
        (None, None, "accepted the connection and said nothing for 0.2 s"),
    ],
)
def test_something_else_listens(greeting: bytes | None, answer: bytes | None, words: str) -> None:
    with listener(greeting, answer) as address, pytest.raises(NotPostgreSQLError) as caught:
        identify(address, source="ONELOOP_SERVER", timeout=0.2)
    assert caught.value.answer == words
    assert caught.value.mysql is ("MySQL" in words)


def test_something_hangs_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            server.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        address = ServerAddress("127.0.0.1", server.getsockname()[1], "postgres")
        with pytest.raises(NotPostgreSQLError):
            identify(address, source="ONELOOP_SERVER", timeout=5)
        thread.join(10)


def test_a_server_that_stops_answering_has_a_deadline(
    tcp_server: ServerAddress, driver: str
) -> None:
    stopped: list[int] = []

    def work(admin: Admin) -> None:
        [(pid,)] = admin.rows("SELECT pg_backend_pid()")
        stopped.append(int(str(pid)))
        os.kill(stopped[0], signal.SIGSTOP)
        admin.rows("SELECT 1")

    try:
        with pytest.raises(ServerTimeoutError) as caught:
            administer(tcp_server, work, timeout=1, task=f"answer {driver}")
    finally:
        os.kill(stopped[0], signal.SIGCONT)
    assert caught.value.task == f"answer {driver}"


@pytest.mark.usefixtures("driver")
def test_statements_run_outside_of_transactions(tcp_server: ServerAddress) -> None:
    def work(admin: Admin) -> list[tuple[object, ...]]:
        admin.execute("CREATE DATABASE oneloop_test_statements")
        admin.execute("DROP DATABASE oneloop_test_statements")
        return admin.rows("SELECT {} || {}, 7", "it's", "100%")

    assert administer(tcp_server, work) == [("it's100%", 7)]


@pytest.mark.usefixtures("driver")
def test_an_error_of_the_work_goes_on(tcp_server: ServerAddress) -> None:
    def work(_: Admin) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        administer(tcp_server, work)


@pytest.mark.usefixtures("driver")
def test_a_server_on_a_unix_socket(tmp_path: Path) -> None:
    binaries = find_binaries()
    seed = SeedCache(tmp_path, binaries).base()
    with start_server(binaries, seed, run_id=f"socket{os.getpid()}") as server:
        assert server.address.is_socket
        assert identify(server.address, source="embedded").version == server.version
        create_worker(server.address, "template1", "oneloop_run_socket_main")
        drop_worker(server.address, "oneloop_run_socket_main")
