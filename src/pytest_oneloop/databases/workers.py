"""The databases that tests run in: one per worker of a run, gone when the run is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_oneloop.databases.locks import lock_number, locked_numbers, server_lock
from pytest_oneloop.databases.postgresql import Admin, administer, quote_name, sqlstate_of
from pytest_oneloop.databases.sessions import end_prepared
from pytest_oneloop.databases.stored import drop, lock_key_of, marks
from pytest_oneloop.errors.connection import DatabaseRightsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from pytest_oneloop.databases.address import ServerAddress

_PREFIX = "oneloop_run_"
_NAME = re.compile(r"oneloop_run_([a-z0-9]+)_([a-z0-9]+)")
# Since 15; before, copying files was the only way.
_HAS_STRATEGY = 150000
_IN_USE = "55006"
_INSUFFICIENT_PRIVILEGE = "42501"
# PostgreSQL cuts longer ones off.
_LONGEST_NAME = 63
_KEPT_TEMPLATES = 8
_IN_USE_SECONDS = 3600
_CREATE_SECONDS = 10.0


def worker_name(run_id: str, worker: str) -> str:
    """Return the name of one worker's database.

    Args:
        run_id: Something that no other run has; small letters and digits, at most 30.
        worker: The worker within the run: `main`, `gw0`; small letters and digits.

    Raises:
        ValueError: One of them is not of that form.
    """
    name = f"{_PREFIX}{run_id}_{worker}"
    if not is_worker_name(name):
        raise ValueError(f"not a run and a worker: {run_id!r}, {worker!r}")
    return name


def is_worker_name(name: str) -> bool:
    """Tell whether `sweep` would find a database of that name."""
    return bool(_NAME.fullmatch(name)) and len(name) <= _LONGEST_NAME


def live_run(
    address: ServerAddress, run_id: str, *, timeout: float = 30.0
) -> AbstractContextManager[None]:
    """Tell the server that a run is alive, until the context ends or the process does.

    Every process of a run holds this before it creates its database: `sweep` drops the databases
    of runs for which nobody does. Costs a connection and a thread.
    """
    return server_lock(address, _run_key(run_id), shared=True, timeout=timeout)


def create_worker(address: ServerAddress, template: str, name: str) -> None:
    """Clone a template (10 to 20 ms in memory). A database of that name is replaced.

    Raises:
        DatabaseRightsError: The role may not create databases.
    """

    def work(admin: Admin) -> None:
        drop(admin, name)
        clone(admin, address, template, name)

    drop_by(lambda: administer(address, work, task=f"clone {template}"), address, name)


def clone(admin: Admin, address: ServerAddress, template: str, name: str) -> None:
    """Clone a template, by an open connection to the server at `address`.

    Raises:
        DatabaseRightsError: The role may not create databases, or not copy this one.
    """
    admin.wait_until_unused(template, seconds=_CREATE_SECONDS)
    [(number,)] = admin.rows("SELECT current_setting('server_version_num')")
    # Copying the files is a third faster than writing them through the log.
    strategy = " STRATEGY FILE_COPY" if int(str(number)) >= _HAS_STRATEGY else ""
    try:
        admin.execute(
            f"CREATE DATABASE {quote_name(name)} TEMPLATE {quote_name(template)}{strategy}"
        )
    except Exception as error:
        if sqlstate_of(error) == _INSUFFICIENT_PRIVILEGE:
            reason = str(error).splitlines()[0]
            raise DatabaseRightsError(address, reason=reason) from error
        raise


def drop_worker(address: ServerAddress, name: str) -> None:
    """Drop a worker's database (4 to 9 ms, 100 ms more if sessions are left). Absent is fine."""

    def work() -> None:
        administer(address, lambda admin: drop(admin, name), task=f"drop {name}")

    drop_by(work, address, name)


def drop_by(work: Callable[[], None], address: ServerAddress, name: str) -> None:
    """Drop a database by a function; once more, if something in it keeps it.

    A transaction in two phases that was never ended does, and so does a subscription; both can be
    ended only from there. Costs nothing where there is none.
    """
    try:
        work()
    except Exception as error:
        if sqlstate_of(error) != _IN_USE:
            raise
        administer(
            address,
            lambda admin: _let_go(admin, name),
            database=name,
            task=f"end what keeps {name}",
        )
        work()


def _let_go(admin: Admin, name: str) -> None:
    end_prepared(admin, name)
    # Slots of theirs on another server, if there are any, are not for the plugin to drop.
    for (subscription,) in admin.rows(
        "SELECT quote_ident(subname) FROM pg_subscription "
        "WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = {})",
        name,
    ):
        admin.execute(f"ALTER SUBSCRIPTION {subscription} DISABLE")
        admin.execute(f"ALTER SUBSCRIPTION {subscription} SET (slot_name = NONE)")
        admin.execute(f"DROP SUBSCRIPTION {subscription}")


def sweep(address: ServerAddress) -> list[str]:
    """Drop what dead runs left behind, and templates that nobody has used for long.

    Safe beside live runs: the databases are listed before the locks are, so whatever is listed had
    an owner that held its lock; if nobody holds it now, the owner is gone. Of the finished
    templates, the eight used last stay, and all that were used within the hour. What belongs to
    other roles is theirs to sweep, unless this one may do so in their place.

    Returns:
        The names of the databases that were dropped; none while another process sweeps.
    """
    dead, held = administer(address, _sweep, task="drop the databases of dead runs", timeout=120)
    for name in held:
        drop_worker(address, name)
    return dead + held


def _sweep(admin: Admin) -> tuple[list[str], list[str]]:
    """Drop what can be dropped from here; return it, and what holds prepared transactions."""
    [(alone,)] = admin.rows(f"SELECT pg_try_advisory_lock({lock_number('sweep')})")
    if not alone:
        return [], []
    workers = {
        str(name): match[1]
        for (name,) in admin.rows(
            "SELECT datname FROM pg_database "
            "WHERE starts_with(datname, {}) AND pg_has_role(datdba, 'USAGE')",
            _PREFIX,
        )
        if (match := _NAME.fullmatch(str(name)))
    }
    unfinished = {name for name, mark in marks(admin).items() if mark is None}
    locked = locked_numbers(admin)
    dead = [name for name, run in workers.items() if lock_number(_run_key(run)) not in locked]
    # Read again: a builder that was listed may have finished since, and let go of its lock.
    templates = marks(admin)
    dead += [
        name
        for name in sorted(unfinished)
        if name in templates
        and templates[name] is None
        and lock_number(lock_key_of(name)) not in locked
    ]
    [(now,)] = admin.rows("SELECT extract(epoch FROM now())::bigint")
    used = {name: int(mark["used"]) for name, mark in templates.items() if mark is not None}
    oldest_last = sorted(used, key=lambda name: used[name], reverse=True)
    dead += [
        name
        for name in oldest_last[_KEPT_TEMPLATES:]
        if int(str(now)) - used[name] > _IN_USE_SECONDS
    ]
    prepared = {name for (name,) in admin.rows("SELECT database FROM pg_prepared_xacts")}
    held = [name for name in dead if name in prepared]
    dead = [name for name in dead if name not in prepared]
    for name in dead:
        drop(admin, name)
    return dead, held


def _run_key(run_id: str) -> str:
    return f"run {run_id}"
