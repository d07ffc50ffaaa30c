"""The databases that tests run in: one for each worker of a run, gone when the run is.

The owner of a database holds a named lock of the server, which ends with its connection, by
whatever end. So whoever comes next knows whose databases to drop.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from pytest_oneloop.databases.mysql.copies import copy
from pytest_oneloop.databases.mysql.server import (
    LOCK_SECONDS,
    connected,
    number_of,
    quoted,
    words_of,
)
from pytest_oneloop.errors.mysql import MySQLRightsError, MySQLTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.databases.mysql.server import MySQLAddress, Session

PREFIX: Final = "oneloop_run_"
_NAME: Final = re.compile(r"(?P<worker>oneloop_run_[a-z0-9]+_[a-z0-9]+)(?:_clone\d+)?")
_RIGHTS: Final = frozenset({1044, 1142, 1227, 1410})
_LOCKED: Final = 1205
_GRACE: Final = 120.0
_IDLE_SECONDS: Final = 7 * 24 * 3600


def worker_name(run_id: str, worker: str) -> str:
    """Return the name of one worker's database."""
    return f"{PREFIX}{run_id}_{worker}"


@contextmanager
def named_lock(address: MySQLAddress, name: str, *, seconds: float, task: str) -> Iterator[Session]:
    """Hold a lock of the server that has a name, for the length of a block.

    Raises:
        MySQLTimeoutError: Somebody else has held it for too long.
    """
    with connected(address, seconds=seconds + _GRACE) as session:
        session.rows(f"SET SESSION wait_timeout = {_IDLE_SECONDS}")
        [(got,)] = session.rows("SELECT GET_LOCK(%s, %s)", name, seconds)
        if got != 1:
            raise MySQLTimeoutError(address=str(address), task=task, seconds=seconds)
        try:
            yield session
        finally:
            session.rows("SELECT RELEASE_LOCK(%s)", name)


def is_alive(session: Session, lock: str) -> bool:
    """Whether somebody holds a lock."""
    [(free,)] = session.rows("SELECT IS_FREE_LOCK(%s)", lock)
    return bool(free == 0)


def sweep(session: Session) -> None:
    """Drop the databases of runs that are gone."""
    for (name,) in session.rows("SHOW DATABASES LIKE 'oneloop\\_run\\_%'"):
        match = _NAME.fullmatch(str(name))
        if match is not None and not is_alive(session, match["worker"]):
            drop(session, str(name))


def drop(session: Session, name: str) -> None:
    """Drop a database, and the sessions that still use it.

    Raises:
        MySQLTimeoutError: Something holds a lock there, longer than `server.LOCK_SECONDS`.
    """
    kill_all(session, name)
    try:
        session.rows(f"DROP DATABASE IF EXISTS {quoted(name)}")
    except Exception as error:
        if number_of(error) != _LOCKED:
            raise
        raise MySQLTimeoutError(
            address=str(session.address), task=f"drop the database {name}", seconds=LOCK_SECONDS
        ) from error


def kill_all(session: Session, name: str) -> None:
    """End the sessions that use a database."""
    for (number,) in session.rows(
        "SELECT id FROM information_schema.processlist WHERE db = %s AND id <> connection_id()",
        name,
    ):
        kill(session, int(number))


def kill(session: Session, number: int) -> None:
    """End a session; nothing, if it has gone."""
    try:
        session.rows(f"KILL {number}")
    except Exception as error:
        if number_of(error) != 1094:  # noqa: PLR2004 - "Unknown thread id"
            raise


def create(address: MySQLAddress, template: str | None, name: str) -> None:
    """Make a worker's database, a copy of the template; in place of an older one.

    Raises:
        MySQLRightsError: The user may not.
    """
    with rights_needed(address), connected(address) as session:
        drop_first(session, name)
        if template is not None:
            copy(session, template, name)
        else:
            session.rows(f"CREATE DATABASE {quoted(name)} CHARACTER SET utf8mb4")


def drop_first(session: Session, name: str) -> None:
    """Make sure that a database can be made under a name."""
    drop(session, name)
    session.rows(f"CREATE DATABASE {quoted(name)}")
    session.rows(f"DROP DATABASE {quoted(name)}")


@contextmanager
def rights_needed(address: MySQLAddress) -> Iterator[None]:
    """Say which rights are lacking where the server refuses something in the block.

    Raises:
        MySQLRightsError: The user may not make databases, or not use those of other users' runs.
    """
    try:
        yield
    except Exception as error:
        if number_of(error) in _RIGHTS:
            raise MySQLRightsError(
                address=str(address), user=address.user, reason=words_of(error)
            ) from error
        raise
