"""A real MariaDB on TCP, with a password, for tests that need one of their own.

`scripts/install-mariadb` brings the programs, and `make test` calls that. `TEST_MARIADB` names the
folder of others, or, by a URL, a server that runs already, which may be MySQL, and whose user may
do everything: what databases the plugin has on it is dropped first. `TEST_MARIADB=none` skips the
tests that need a server.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pymysql
import pytest
from sqlalchemy import URL, make_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VARIABLE = "TEST_MARIADB"
FOLDERS = "/usr/sbin:/opt/homebrew/bin:/usr/local/bin"
"""Where systems keep the programs beside the folders in the path."""

MISSING = (
    "no MariaDB server was found: run scripts/install-mariadb, or name the folder of its programs "
    f"by {VARIABLE}=/folder, or skip what needs one by {VARIABLE}=none"
)
ALONE = f"the server that {VARIABLE} names serves one process: run pytest with -n 0"
_DEADLINE = 30.0
"""Seconds for each step of starting and stopping."""
_NOBODY = 65534
_SETTINGS = {
    "bind-address": "127.0.0.1",
    "skip-name-resolve": "1",
    "character-set-server": "utf8mb4",
    "max-connections": "100",
    "innodb-buffer-pool-size": "64M",
    "innodb-log-file-size": "16M",
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-doublewrite": "0",
    "innodb-buffer-pool-dump-at-shutdown": "0",
    "innodb-buffer-pool-load-at-startup": "0",
}


@dataclass(frozen=True, slots=True)
class MariaDB:
    """The address of a server for tests.

    Attributes:
        port: Of TCP.
        user: May do everything.
        password: Of that user.
        database: The one that connections are to have; none if empty.
        host: Of the server.
    """

    port: int
    user: str = "tester"
    password: str = "s3cret word"  # it guards nothing
    database: str = ""
    host: str = "127.0.0.1"

    def url(self, driver: str = "mysql+pymysql") -> str:
        """Return the address as a URL, its password included."""
        url = URL.create(
            driver, self.user, self.password, self.host, self.port, self.database or None
        )
        return url.render_as_string(hide_password=False)

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements in autocommit, on a connection of its own; return the last one's rows."""
        with self.connected() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    @contextmanager
    def connected(self) -> Iterator[Any]:
        """Give a cursor of a connection of its own, in autocommit."""
        connection = pymysql.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            database=self.database or None,
            connect_timeout=10,
            autocommit=True,
        )
        with closing(connection), connection.cursor() as cursor:
            yield cursor

    @property
    def is_mysql(self) -> bool:
        """Whether it is MySQL after all. Costs a connection."""
        [(version,)] = self.run("SELECT VERSION()")
        return "MariaDB" not in version

    def databases(self) -> set[str]:
        """Return the names of the databases that the plugin has on the server just now."""
        rows = self.run("SHOW DATABASES LIKE 'oneloop%'")
        return {name for (name,) in rows}


class MariaDBStartError(Exception):
    """The server did not start; the message carries its log."""


def wanted() -> bool:
    """Tell whether tests that need a server are to run."""
    return os.environ.get(VARIABLE) != "none"


@contextmanager
def running_mariadb() -> Iterator[MariaDB]:
    """Run a MariaDB on a free port of 127.0.0.1, and leave nothing of it behind.

    Where `TEST_MARIADB` is a URL, it is that server, which goes on running.

    Costs some 1.5 s. The data lies in memory where there is such a folder; root runs it as
    `nobody`. A guardian process cleans up, also when this process is killed.

    Raises:
        MariaDBStartError: It did not start within 30 s.
    """
    if "://" in os.environ.get(VARIABLE, ""):
        yield _named(os.environ[VARIABLE])
        return
    root = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - as meant
    folder = Path(tempfile.mkdtemp(prefix="oneloop-mariadb-", dir=root))
    if os.geteuid() == 0:
        os.chown(folder, _NOBODY, _NOBODY)
    try:
        server = MariaDB(_free_port())
        _initialise(folder, server)
        guardian = _start(folder, server.port)
    except BaseException:
        shutil.rmtree(folder)
        raise
    try:
        _wait_until_ready(folder, server, guardian)
        yield server
    finally:
        guardian.communicate(timeout=_DEADLINE)  # closes its life line, and waits


@contextmanager
def fresh_database(server: MariaDB, prefix: str = "test") -> Iterator[MariaDB]:
    """Make an empty database on a server, and drop it afterwards. Costs some 5 ms."""
    name = f"{prefix}_{secrets.token_hex(4)}"
    server.run(f"CREATE DATABASE `{name}`")
    try:
        yield replace(server, database=name)
    finally:
        server.run(f"DROP DATABASE `{name}`")


def _named(text: str) -> MariaDB:
    """Return the server of a URL, rid of what databases the plugin has on it."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.fail(ALONE, pytrace=False)
    url = make_url(text)
    server = MariaDB(
        url.port or 3306, url.username or "", str(url.password or ""), host=url.host or "127.0.0.1"
    )
    if reason := _wait_until_in(server, lambda: True):
        raise MariaDBStartError(reason)
    server.run("SELECT 1", *(f"DROP DATABASE `{name}`" for name in server.databases()))
    return server


def _program(name: str) -> str:
    named = os.environ.get(VARIABLE)
    path = named or os.pathsep.join((os.environ.get("PATH", ""), FOLDERS))
    found = shutil.which(name, path=path)
    if found is None:
        pytest.fail(MISSING, pytrace=False)
    return found


def _initialise(folder: Path, server: MariaDB) -> None:
    grants = folder / "grants.sql"
    grants.write_text(
        f"CREATE USER '{server.user}'@'%' IDENTIFIED BY '{server.password}';\n"
        f"GRANT ALL ON *.* TO '{server.user}'@'%' WITH GRANT OPTION;\n"
    )
    grants.chmod(0o644)
    root = os.geteuid() == 0
    done = subprocess.run(
        [
            *(_program("mariadb-install-db"), "--no-defaults", f"--datadir={folder / 'data'}"),
            *("--auth-root-authentication-method=normal", "--skip-test-db"),
            *("--skip-name-resolve", "--innodb-log-file-size=16M"),
        ],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=_DEADLINE,
        check=False,
        user=_NOBODY if root else None,
        group=_NOBODY if root else None,
        extra_groups=[] if root else None,
    )
    if done.returncode:
        raise MariaDBStartError(done.stdout + done.stderr)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    guardian = Path(__file__).with_name("guardian.py")
    settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
    return subprocess.Popen(
        [
            # Nobody needs its data afterwards, so it may be killed.
            *(sys.executable, "-I", "-S", str(guardian), str(folder), str(_NOBODY), "KILL"),
            *(_program("mariadbd"), "--no-defaults", f"--datadir={folder / 'data'}"),
            *(f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}", f"--port={port}"),
            *(f"--tmpdir={folder}", f"--init-file={folder / 'grants.sql'}", *settings),
        ],
        stdin=subprocess.PIPE,
        cwd="/",
        start_new_session=True,
    )


def _wait_until_ready(folder: Path, server: MariaDB, guardian: subprocess.Popen[bytes]) -> None:
    """Wait until it lets the user in, whom the file of grants makes last."""
    reason = _wait_until_in(server, lambda: guardian.poll() is None)
    if reason:
        log = folder / "log"
        said = log.read_text(errors="replace") if log.exists() else ""
        raise MariaDBStartError(f"{reason}\n{said}")


def _wait_until_in(server: MariaDB, alive: Callable[[], bool]) -> str:
    """Wait until a server lets the user in; return why it does not, if it does not."""
    deadline = time.monotonic() + _DEADLINE
    reason = "the guardian has ended"
    while alive() and time.monotonic() < deadline:
        try:
            server.run("SELECT 1")
        except pymysql.err.OperationalError as error:
            reason = str(error)
        else:
            return ""
        time.sleep(0.02)
    return reason
