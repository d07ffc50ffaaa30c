"""The connection that stays open: deadlines, errors, and what comes after them."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from pytest_oneloop.databases.postgresql import sqlstate_of
from pytest_oneloop.databases.standing import StandingConnection
from pytest_oneloop.errors.connection import ServerTimeoutError
from tools.servers import conninfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.databases.address import ServerAddress
    from pytest_oneloop.databases.postgresql import Admin

pytestmark = pytest.mark.server


@pytest.fixture
def standing(tcp_server: ServerAddress) -> Iterator[StandingConnection]:
    standing = StandingConnection(tcp_server, seconds=1)
    yield standing
    standing.close()
    assert not standing.is_open
    assert [t for t in threading.enumerate() if t.name == "oneloop standing connection"] == []


def pid(admin: Admin) -> int:
    [(number,)] = admin.rows("SELECT pg_backend_pid()")
    return int(str(number))


def test_it_is_one_connection(standing: StandingConnection) -> None:
    first = standing.run(pid, task="say who it is")
    assert standing.run(pid, task="say who it is") == first

    async def asked() -> int:
        return standing.run(pid, task="say who it is")

    # Also from where an event loop runs, though that is not where it runs.
    assert asyncio.run(asked()) == first


def test_an_error_leaves_it_open(standing: StandingConnection) -> None:
    first = standing.run(pid, task="say who it is")
    with pytest.raises(Exception, match="division by zero"):
        standing.run(lambda admin: admin.rows("SELECT 1 / 0"), task="divide")
    assert standing.run(pid, task="say who it is") == first


def test_the_server_ends_a_statement_first(standing: StandingConnection) -> None:
    first = standing.run(pid, task="say who it is")
    with pytest.raises(Exception, match="statement timeout") as caught:
        standing.run(lambda admin: admin.rows("SELECT pg_sleep(60)"), task="sleep")
    assert sqlstate_of(caught.value) == "57014"
    assert standing.run(pid, task="say who it is") == first


def test_work_that_does_not_end(standing: StandingConnection, tcp_server: ServerAddress) -> None:
    first = standing.run(pid, task="say who it is")
    go_on = threading.Event()
    with pytest.raises(ServerTimeoutError) as caught:
        standing.run(lambda _: go_on.wait(60), task="wait for ever")
    assert (caught.value.task, caught.value.seconds) == ("wait for ever", 1)
    # The next use opens another; the one that was given up closes as soon as it can.
    assert standing.run(pid, task="say who it is") != first
    go_on.set()
    deadline = time.monotonic() + 20
    with psycopg.connect(conninfo(tcp_server), autocommit=True) as connection:
        query = "SELECT 1 FROM pg_stat_activity WHERE pid = %s"
        while connection.execute(query, [first]).fetchall():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.005)


def test_a_server_that_is_not_there(tcp_server: ServerAddress) -> None:
    standing = StandingConnection(replace(tcp_server, port=1), seconds=10)
    for _ in range(2):
        with pytest.raises(Exception, match=r"refused|Connect call failed"):
            standing.run(pid, task="say who it is")
    standing.close()


def test_settings_of_the_role_do_not_matter(tcp_server: ServerAddress) -> None:
    with psycopg.connect(conninfo(tcp_server), autocommit=True) as connection:
        connection.execute("CREATE ROLE odd LOGIN SUPERUSER PASSWORD 'weak'")
        for setting in ("default_transaction_read_only = on", "datestyle = 'German'"):
            connection.execute(f"ALTER ROLE odd SET {setting}".encode())
        standing = StandingConnection(replace(tcp_server, user="odd", password="weak"))
        query = "SELECT current_setting('transaction_read_only'), '2026-01-02'::date::text"
        rows = standing.run(lambda admin: admin.rows(query), task="look")
        standing.close()
        connection.execute("DROP ROLE odd")
    assert rows == [("off", "2026-01-02")]
