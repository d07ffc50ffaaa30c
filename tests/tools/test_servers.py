"""The servers of the tests check passwords, and are gone afterwards, whatever happens."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tools.servers import conninfo, fresh_database, running_server

if TYPE_CHECKING:
    from pytest_oneloop.databases.address import ServerAddress

OWNER = """
import sys, time
from tools.servers import conninfo, running_server
import psycopg
with running_server() as address:
    with psycopg.connect(conninfo(address)) as connection:
        folder = connection.execute("SHOW data_directory").fetchone()[0]
    print(folder, address.port, flush=True)
    time.sleep(60)
"""


def data_folder(address: ServerAddress) -> Path:
    with psycopg.connect(conninfo(address)) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    return Path(row[0])


def test_a_wrong_password_is_refused(tcp_server: ServerAddress) -> None:
    wrong = replace(tcp_server, password="wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(conninfo(wrong))


def test_trust_takes_any_password_and_the_server_is_gone_afterwards() -> None:
    with running_server(auth="trust") as address:
        folder = data_folder(replace(address, password="any"))
        assert folder.exists()
    assert not folder.parent.exists()
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(conninfo(address))


def test_a_fresh_database_is_dropped_with_who_is_still_in_it(tcp_server: ServerAddress) -> None:
    with fresh_database(tcp_server) as address:
        left_open = psycopg.connect(conninfo(address))
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(conninfo(address))
    left_open.close()


def test_a_killed_owner_leaves_nothing() -> None:
    tests = Path(__file__).parents[1]
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER], cwd=tests, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    with owner.stdout:
        folder = Path(owner.stdout.readline().split()[0]).parent
    assert folder.exists()
    owner.kill()
    owner.wait(10)
    deadline = time.monotonic() + 20
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not folder.exists()
