"""The MariaDB for tests checks passwords, is nobody's, and is gone afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pymysql
import pytest

from tools.mariadb import fresh_database
from tools.processes import wait_until

if TYPE_CHECKING:
    from tools.mariadb import MariaDB

OWNER = """
import time
from tools.mariadb import running_mariadb
with running_mariadb() as server:
    print(server.run("SELECT @@datadir")[0][0], flush=True)
    time.sleep(60)
"""


def test_a_wrong_password_is_refused(mariadb: MariaDB) -> None:
    wrong = replace(mariadb, password="wrong")
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        wrong.run("SELECT 1")


def test_it_is_not_run_by_root(mariadb: MariaDB) -> None:
    folder = Path(mariadb.run("SELECT @@datadir")[0][0])
    assert folder.stat().st_uid == (os.geteuid() or 65534)


def test_a_fresh_database_is_dropped(mariadb: MariaDB) -> None:
    with fresh_database(mariadb) as server:
        server.run("CREATE TABLE t (id int)")
        assert server.run("SHOW TABLES") == [("t",)]
    with pytest.raises(pymysql.err.OperationalError, match="Unknown database"):
        server.run("SELECT 1")


def test_a_killed_owner_leaves_nothing() -> None:
    tests = Path(__file__).parents[1]
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER], cwd=tests, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    with owner.stdout:
        folder = Path(owner.stdout.readline().strip()).parent
    assert folder.exists()
    owner.kill()
    owner.wait(10)
    wait_until(lambda: not folder.exists(), f"{folder} is removed")
