"""Sessions that a test leaves in the way are ended, and named."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from pytest_oneloop.databases.sessions import Session, end, sessions
from tools.servers import conninfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.restorations import Restored

pytestmark = pytest.mark.server


def test_a_transaction_that_was_left_open(lasting: Restored) -> None:
    lasting.commit("INSERT INTO line DEFAULT VALUES")
    left = lasting.connect(autocommit=False)
    left.execute("DELETE FROM country WHERE code = 'DE'")
    left.execute("UPDATE line SET parent = NULL")
    outcome = lasting.put_back()
    (ended,) = outcome.ended
    assert (ended.pid, ended.state) == (left.info.backend_pid, "idle in transaction")
    assert ended.query == "UPDATE line SET parent = NULL"
    assert "RowExclusive on country" in ended.locks
    with pytest.raises(psycopg.OperationalError):
        left.execute("SELECT 1")
    assert lasting.restoration.restore().ended == ()


def test_a_lock_on_a_whole_table(lasting: Restored) -> None:
    left = lasting.connect(autocommit=False)
    left.execute("LOCK TABLE role IN ACCESS EXCLUSIVE MODE")
    outcome = lasting.restoration.restore()
    assert [one.locks for one in outcome.ended] == [
        ("AccessExclusive on role", "Exclusive on its transaction")
    ]
    assert lasting.difference() == []


def test_an_advisory_lock_of_a_session_that_is_idle(lasting: Restored) -> None:
    left = lasting.connect()
    left.execute("SELECT pg_advisory_lock(7)")
    quiet = lasting.connect()
    quiet.execute("SELECT 1")
    outcome = lasting.restoration.restore()
    assert [(one.pid, one.state, one.locks) for one in outcome.ended] == [
        (left.info.backend_pid, "idle", ("Exclusive on advisory",))
    ]
    assert str(outcome.ended[0]) == (
        f"session {left.info.backend_pid} (idle), holds Exclusive on advisory until "
        "pg_advisory_unlock, last statement: SELECT pg_advisory_lock(7)"
    )
    assert quiet.execute("SELECT 2").fetchall() == [(2,)]


def test_a_statement_that_still_runs(lasting: Restored) -> None:
    left = lasting.connect()
    errors: list[psycopg.Error] = []

    def run() -> None:
        try:
            left.execute("INSERT INTO note SELECT pg_sleep(60)::text")
        except psycopg.Error as error:
            errors.append(error)

    pid = left.info.backend_pid
    thread = threading.Thread(target=run)
    thread.start()
    until(lasting, lambda one: one.pid == pid and one.state == "active")
    outcome = lasting.restoration.restore()
    thread.join(10)
    assert [one.pid for one in outcome.ended] == [pid]
    assert [error.sqlstate for error in errors] == ["57P01"]
    assert lasting.difference() == []


def test_who_blocks_whom(lasting: Restored) -> None:
    first, second = lasting.connect(autocommit=False), lasting.connect(autocommit=False)
    pids = first.info.backend_pid, second.info.backend_pid
    first.execute("UPDATE country SET name = 'x' WHERE code = 'DE'")

    def wait() -> None:
        # The first may be ended early enough for this to go on, until its own end.
        with contextlib.suppress(psycopg.OperationalError):
            second.execute("UPDATE country SET name = 'y' WHERE code = 'DE'")

    thread = threading.Thread(target=wait)
    thread.start()
    until(lasting, lambda one: bool(one.blocked_by))
    outcome = lasting.restoration.restore()
    thread.join(10)
    blocked = {one.pid: (one.blocked_by, one.blocks) for one in outcome.ended}
    assert blocked == {pids[0]: ((), (pids[1],)), pids[1]: ((pids[0],), ())}
    assert f"is waited for by {pids[1]}" in str(outcome.ended[0 if pids[0] < pids[1] else 1])
    for ended in (first, second):
        with pytest.raises(psycopg.OperationalError):
            ended.execute("SELECT 1")
    assert lasting.difference() == []


def test_sessions_that_are_spared(lasting: Restored) -> None:
    left = lasting.connect()
    left.execute("SELECT pg_advisory_lock(8)")
    outcome = lasting.restoration.restore(spare=[left.info.backend_pid])
    assert outcome.ended == ()
    assert left.execute("SELECT 1").fetchall() == [(1,)]
    lasting.hang_up()


def test_a_prepared_transaction(lasting: Restored) -> None:
    lasting.commit("INSERT INTO line DEFAULT VALUES")
    left = lasting.connect()
    left.execute("BEGIN; UPDATE line SET id = 5; PREPARE TRANSACTION 'odd '' name {}'")
    outcome = lasting.put_back()
    assert outcome.prepared == ("odd ' name {}",)


def test_a_test_that_ended_every_session(lasting: Restored) -> None:
    lasting.restoration.restore()
    lasting.commit(
        "INSERT INTO customer (name) VALUES ('a')",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    lasting.put_back()


def test_the_list_of_sessions(lasting: Restored) -> None:
    name = lasting.address.database
    left = psycopg.connect(conninfo(lasting.address), application_name="mine")
    left.execute("SELECT 1 FROM note")
    pid = left.info.backend_pid
    found = {one.pid: one for one in sessions(lasting.address, name)}[pid]
    assert found == Session(
        pid,
        "idle in transaction",
        "SELECT 1 FROM note",
        "mine",
        locks=("AccessShare on note", "Exclusive on its transaction"),
    )
    assert found.busy
    assert str(found) == (
        f"session {pid} (idle in transaction), holds AccessShare on note, "
        "last statement: SELECT 1 FROM note"
    )
    end(lasting.address, name, [pid])
    assert pid not in {one.pid for one in sessions(lasting.address, name)}
    end(lasting.address, name, [pid])
    left.close()


def until(restored: Restored, condition: Callable[[Session], bool]) -> None:
    """Wait until a session is as wanted."""
    deadline = time.monotonic() + 20
    while not any(map(condition, sessions(restored.address, restored.address.database))):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)
