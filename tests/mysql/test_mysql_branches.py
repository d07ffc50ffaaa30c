"""A branch of an XA transaction that a test has prepared and left is in nobody's way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.databases.mysql.server import connected
from pytest_oneloop.databases.mysql.workers import drop
from pytest_oneloop.errors.mysql import MySQLTimeoutError
from tools.projects import Project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mysql.conftest import Worker
    from pytest_oneloop.databases.mysql.server import MySQLAddress
    from tools.mariadb import MariaDB

SHOP = """
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine("mysql+aiomysql://me:wrong@database.invalid/shop")
sync_engine = create_engine("mysql+pymysql://me:wrong@database.invalid/shop")


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
"""

TESTS = """
from sqlalchemy import text

from shop import engine, sync_engine

INSERT = text("INSERT INTO customers VALUES (1)")
HELD = []


async def look():
    async with engine.begin() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM customers")) == 0
        await connection.execute(INSERT)


def test_left():
    connection = sync_engine.connect()
    transaction = connection.begin_twophase("transfer-17")
    connection.execute(INSERT)
    transaction.prepare()
    connection.invalidate()


async def test_after_left():
    await look()


def test_by_text():
    with sync_engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        for text_ in ("START 'by ''text', 'b'", "END 'by ''text', 'b'", "PREPARE 'by ''text', 'b'"):
            connection.exec_driver_sql("XA " + text_)
            if text_.startswith("START"):
                connection.execute(INSERT)
        connection.invalidate()


def test_held():
    connection = sync_engine.connect()
    transaction = connection.begin_twophase("held-18")
    connection.execute(INSERT)
    transaction.prepare()
    HELD.append((connection, transaction))


async def test_after_held():
    await look()


def test_ended():
    with sync_engine.connect() as connection:
        transaction = connection.begin_twophase("ended-19")
        connection.execute(INSERT)
        transaction.prepare()
        transaction.commit()


async def test_after_ended():
    await look()
"""
LOCKS = """
import pymysql
from sqlalchemy import text

from shop import sync_engine

HELD = pymysql.connect(host="{host}", port={port}, user="{user}", password="{password}")


def test_it():
    with sync_engine.connect() as connection:
        name = connection.scalar(text("SELECT DATABASE()"))
    with HELD.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM " + name + ".customers")
"""
SETTINGS = """
[tool.pytest.ini_options]
asyncio_mode = "auto"
pythonpath = "."
oneloop_schema = "shop:Base"
"""


@pytest.fixture
def foreign(mariadb_database: MariaDB) -> Iterator[MariaDB]:
    """A branch of another application on the server, which must stay."""
    server = mariadb_database
    server.run("CREATE TABLE t (id int)", *_prepared("foreign"))
    yield server
    server.run("XA ROLLBACK 'foreign'")


def _prepared(name: str) -> tuple[str, ...]:
    insert = "INSERT INTO t VALUES (1)"
    return f"XA START '{name}'", insert, f"XA END '{name}'", f"XA PREPARE '{name}'"


@pytest.mark.parametrize("strategy", ["commit", "clone", "auto"])
def test_what_a_test_has_prepared_ends_with_it(
    tmp_path: Path, mariadb: MariaDB, foreign: MariaDB, strategy: str
) -> None:
    made = Project(tmp_path, {"ONELOOP_SERVER": mariadb.url("mysql")})
    made.write({"shop.py": SHOP, "test_shop.py": TESTS, "pyproject.toml": SETTINGS})
    run = made.run("-p", "no:randomly", f"--oneloop-strategy={strategy}")
    assert run.counts["passed"] == 7, run.output
    said = " ".join(run.output.split())
    for name in ("transfer-17", "by 'text,b", "held-18"):
        assert f"the prepared transaction {name!r} was not ended" in said, run.output
    assert said.count("was not ended") == 3, run.output
    assert [row[3] for row in foreign.run("XA RECOVER")] in ([b"foreign"], ["foreign"])
    assert {name for name in mariadb.databases() if "_run_" in name} == set()


def test_a_user_who_may_not_see_branches_leaves_none(tmp_path: Path, mariadb: MariaDB) -> None:
    mariadb.run(
        "CREATE USER modest IDENTIFIED BY 'modest'",
        "GRANT ALL ON `oneloop\\_%`.* TO 'modest'@'%'",
    )
    modest = replace(mariadb, user="modest", password="modest")
    made = Project(tmp_path, {"ONELOOP_SERVER": modest.url("mysql")})
    made.write({"shop.py": SHOP, "test_shop.py": TESTS, "pyproject.toml": SETTINGS})
    try:
        run = made.run("-p", "no:randomly", "--oneloop-strategy=commit", "-k", "not held")
    finally:
        mariadb.run("DROP USER modest")
    assert run.counts["passed"] == 5, run.output
    assert run.output.count("was not ended") == 2, run.output
    assert mariadb.run("XA RECOVER") == []


def test_a_database_that_stays_at_the_end_is_told_without_a_traceback(
    tmp_path: Path, mariadb: MariaDB
) -> None:
    made = Project(tmp_path, {"ONELOOP_SERVER": mariadb.url("mysql")})
    locks = LOCKS.format(
        host=mariadb.host, port=mariadb.port, user=mariadb.user, password=mariadb.password
    )
    made.write({"shop.py": SHOP, "test_shop.py": locks, "pyproject.toml": SETTINGS})
    run = made.run()
    [name] = [name for name in mariadb.databases() if "_run_" in name]
    mariadb.run(f"DROP DATABASE {name}")
    assert run.code == 4, run.output
    assert f"was asked to drop the database {name}, which was not done within 5 s." in run.output
    assert "Traceback" not in run.output


def test_a_drop_that_waits_for_a_branch_has_a_deadline(
    address: MySQLAddress, worker: Callable[..., Worker]
) -> None:
    it = worker("CREATE TABLE t (id int)")
    name = it.database.database
    it.database.run(*_prepared("raw"))
    try:
        with connected(address) as session:
            session.rows("SET lock_wait_timeout = 1, innodb_lock_wait_timeout = 1")
            with pytest.raises(MySQLTimeoutError) as raised:
                drop(session, name)
    finally:
        it.template.run("XA ROLLBACK 'raw'")
    assert f"was asked to drop the database {name}, which was not done" in str(raised.value)
    assert "XA RECOVER" in raised.value.instead
