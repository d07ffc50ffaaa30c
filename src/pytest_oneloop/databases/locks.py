"""Locks that live on the server, and end with the process that holds them.

A lock is an advisory lock of a session; the session is kept open by a thread. Whatever ends the
process, SIGKILL included, closes its socket, and the server lets go of the lock.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

from pytest_oneloop.databases.postgresql import Admin, administer, sqlstate_of
from pytest_oneloop.errors.connection import ServerTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.databases.address import ServerAddress

_LOCK_NOT_AVAILABLE = "55P03"
# The server itself ends the wait for a lock; this much later the thread is given up.
_GRACE_SECONDS = 10.0


def lock_number(key: str) -> int:
    """Return the number (a signed 64-bit one) that stands for `key` among advisory locks."""
    digest = hashlib.sha256(f"pytest-oneloop {key}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def locked_numbers(admin: Admin) -> set[int]:
    """Return the numbers of all advisory locks held on the server, whatever the database.

    An advisory lock only excludes sessions of the same database; the view `pg_locks` shows those of
    all. So this is right even between runs that administer the server from different databases.
    """
    rows = admin.rows(
        "SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks "
        "WHERE locktype = 'advisory' AND objsubid = 1 AND granted"
    )
    return {int(str(number)) for (number,) in rows}


@contextlib.contextmanager
def server_lock(
    address: ServerAddress, key: str, *, shared: bool = False, timeout: float = 60.0
) -> Iterator[None]:
    """Hold the lock of that name on the server until the context ends.

    Costs a connection and a thread for as long as it is held.

    Args:
        address: The server.
        key: The lock's name.
        shared: Let others hold it too, if they ask for it shared.
        timeout: Seconds to wait for it.

    Raises:
        ServerTimeoutError: Another process held it for longer.
    """
    acquired: Future[None] = Future()
    release = threading.Event()
    function = "pg_advisory_lock_shared" if shared else "pg_advisory_lock"

    def hold(admin: Admin) -> None:
        # The owner of the server may have set limits for idle sessions; a lock is idle by nature.
        admin.execute("SET statement_timeout = 0")
        _keep_idle(admin)
        admin.execute(f"SET lock_timeout = {max(1, int(timeout * 1000))}")
        admin.execute(f"SELECT {function}({lock_number(key)})")
        acquired.set_result(None)
        release.wait()

    def run() -> None:
        try:
            administer(address, hold, timeout=None, task=f"lock {key!r}")
        except Exception as error:  # noqa: BLE001 - raised again, in the thread that asked for it
            if not acquired.done():
                acquired.set_exception(error)

    thread = threading.Thread(target=run, name=f"oneloop lock {key}", daemon=True)
    thread.start()
    try:
        try:
            acquired.result(timeout + _GRACE_SECONDS)
        except TimeoutError:
            raise ServerTimeoutError(address, task=f"lock {key!r}", seconds=timeout) from None
        except Exception as error:
            if sqlstate_of(error) == _LOCK_NOT_AVAILABLE:
                raise ServerTimeoutError(address, task=f"lock {key!r}", seconds=timeout) from error
            raise
        yield
    finally:
        release.set()
        thread.join(_GRACE_SECONDS)


def _keep_idle(admin: Admin) -> None:
    # The setting exists since PostgreSQL 14; asking for it by name costs no error before.
    if admin.rows("SELECT 1 FROM pg_settings WHERE name = 'idle_session_timeout'"):
        admin.execute("SET idle_session_timeout = 0")
