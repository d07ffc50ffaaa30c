"""Engines of MySQL in the sandbox: what a test does is undone, and what cannot be is refused."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pymysql
import pytest
from sqlalchemy import text

from pytest_oneloop.errors.mysql import (
    ImplicitCommitError,
    TransactionRolledBackError,
    UnsafeTableError,
)
from pytest_oneloop.errors.sandbox import ConnectionLostError, TransactionControlError
from tools.processes import wait_until

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from tools.mariadb import MariaDB
    from tools.mysql_laboratory import MySQLLaboratory


def insert_and_commit(engine: Engine) -> int:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO item VALUES (1, 'a')"))
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM item")).scalar_one())


def roll_back_some(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        connection.execute(text("INSERT INTO item VALUES (1, 'kept')"))
        connection.commit()
        connection.execute(text("INSERT INTO item VALUES (2, 'rolled back')"))
        connection.rollback()
        with connection.begin_nested():
            connection.execute(text("INSERT INTO item VALUES (3, 'nested')"))
        with suppress(RuntimeError), connection.begin_nested():
            connection.execute(text("INSERT INTO item VALUES (4, 'failed')"))
            raise RuntimeError
        connection.exec_driver_sql("COMMIT")
        connection.execute(text("INSERT INTO item VALUES (5, 'by text')"))
        connection.exec_driver_sql("ROLLBACK")
        return list(connection.execute(text("SELECT name FROM item ORDER BY id")).scalars())


def test_a_rollback_undoes_its_transaction(
    mysql_lab: MySQLLaboratory,
) -> None:
    assert mysql_lab.check(roll_back_some) == ["kept", "nested"]


@pytest.mark.parametrize(
    ("sql", "command"),
    [
        ("CREATE TABLE report (id int)", "CREATE TABLE"),
        ("TRUNCATE TABLE item", "TRUNCATE TABLE"),
        ("LOCK TABLES item WRITE", "LOCK TABLES"),
        ("SET autocommit = 1", "SET AUTOCOMMIT"),
        ("START TRANSACTION", "START TRANSACTION"),
    ],
)
def test_a_statement_that_commits_is_refused_before_it_is_sent(
    mysql_lab: MySQLLaboratory, sql: str, command: str
) -> None:
    def body(engine: Engine) -> int:
        with engine.connect() as connection:
            connection.execute(text("INSERT INTO item VALUES (1, 'a')"))
            with pytest.raises(ImplicitCommitError) as raised:
                connection.execute(text(sql))
            assert (raised.value.command, raised.value.sql) == (command, sql)
            return int(connection.execute(text("SELECT count(*) FROM item")).scalar_one())

    with mysql_lab.test() as sandbox:
        assert mysql_lab.run(body, mysql_lab.engine()) == 1
    assert [limit.strategy for limit in sandbox.watch.met] == ["commit"]
    assert not sandbox.leaked


def test_a_routine_that_commits_is_noticed_by_the_server_s_account(
    leaking_lab: MySQLLaboratory,
) -> None:
    def body(engine: Engine) -> None:
        with engine.connect() as connection:
            connection.execute(text("INSERT INTO item VALUES (1, 'a')"))
            with pytest.raises(ImplicitCommitError, match="has committed the test's transaction"):
                connection.execute(text("CALL commits()"))
            with pytest.raises(ImplicitCommitError):
                connection.execute(text("SELECT 1"))

    with leaking_lab.test() as sandbox:
        leaking_lab.run(body, leaking_lab.engine())
    assert sandbox.leaked
    assert leaking_lab.look("SELECT id FROM item") == [(1,)]
    leaking_lab.change("DELETE FROM item")
    assert leaking_lab.check(insert_and_commit) == 1
    assert leaking_lab.look("SELECT id FROM item") == []


def test_chains_and_two_phases_are_refused(mysql_lab: MySQLLaboratory) -> None:
    def body(engine: Engine) -> None:
        with engine.connect() as connection:
            for sql in ("COMMIT AND CHAIN", "XA START 'x'"):
                with pytest.raises(TransactionControlError):
                    connection.exec_driver_sql(sql)

    with mysql_lab.test():
        mysql_lab.run(body, mysql_lab.engine())


def test_a_table_without_transactions_is_named(mysql_lab: MySQLLaboratory) -> None:
    def body(engine: Engine) -> None:
        with engine.connect() as connection:
            assert connection.execute(text("SELECT * FROM unsafe")).all() == []
            with pytest.raises(UnsafeTableError) as raised:
                connection.execute(text("INSERT INTO `unsafe` VALUES (1)"))
            assert raised.value.table == "unsafe"

    with mysql_lab.test() as sandbox:
        mysql_lab.run(body, mysql_lab.engine())
    assert [limit.strategy for limit in sandbox.watch.met] == ["commit"]


def test_a_deadlock_is_told_from_a_commit(
    leaking_lab: MySQLLaboratory, mysql_tables: MariaDB
) -> None:
    mysql_tables.run("INSERT INTO item VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')")
    other = pymysql.connect(
        host="127.0.0.1",
        port=mysql_tables.port,
        user=mysql_tables.user,
        password=mysql_tables.password,
        database=mysql_tables.database,
    )
    cursor = other.cursor()
    # The server ends the transaction that has changed less.
    for number in (1, 3, 4):
        cursor.execute(f"UPDATE item SET name = 'x' WHERE id = {number}")
    waiting = threading.Thread(
        target=cursor.execute, args=("UPDATE item SET name = 'x' WHERE id = 2",), daemon=True
    )

    def is_waiting() -> bool:
        return mysql_tables.run(
            "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
        ) == [(1,)]

    def body(engine: Engine) -> None:
        with engine.connect() as connection:
            connection.execute(text("UPDATE item SET name = 'y' WHERE id = 2"))
            waiting.start()
            wait_until(is_waiting, "the other session waits")
            with pytest.raises(TransactionRolledBackError, match="1213"):
                connection.execute(text("UPDATE item SET name = 'y' WHERE id = 1"))

    with leaking_lab.test() as sandbox:
        leaking_lab.run(body, leaking_lab.engine())
    waiting.join(10)
    other.rollback()
    other.close()
    assert not sandbox.leaked
    assert [limit.strategy for limit in sandbox.watch.met] == ["commit"]
    assert leaking_lab.look("SELECT DISTINCT name FROM item WHERE name IN ('x', 'y')") == []


def test_settings_and_temporary_tables_end_with_their_test(mysql_lab: MySQLLaboratory) -> None:
    def change(engine: Engine) -> None:
        with engine.connect() as connection:
            connection.execute(text("SET SESSION sql_mode = 'ANSI'"))
            connection.execute(text("CREATE TEMPORARY TABLE short (id int)"))
            connection.execute(text("SET @mine = 5"))

    def look(engine: Engine) -> tuple[object, ...]:
        with engine.connect() as connection:
            with pytest.raises(Exception, match="short"):
                connection.execute(text("SELECT * FROM short"))
            row = connection.execute(text("SELECT @@sql_mode LIKE '%ANSI%', @mine")).one()
            return tuple(row)

    engine = mysql_lab.engine()

    def both() -> tuple[object, ...]:
        with mysql_lab.test():
            change(engine)
        with mysql_lab.test():
            return look(engine)

    assert mysql_lab.run(both) == (0, None)


def test_a_cancelled_statement_takes_the_connection_along(mysql_lab: MySQLLaboratory) -> None:
    if not mysql_lab.is_async:
        pytest.skip("tasks are of asynchronous drivers")

    async def wait() -> None:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT sleep(20)"))

    async def main() -> None:
        async with engine.begin() as connection:
            await connection.execute(text("INSERT INTO item VALUES (1, 'a')"))
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0.2)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(ConnectionLostError):
            async with engine.connect() as connection:
                await connection.execute(text("SELECT * FROM item"))

    engine = mysql_lab.async_engine()
    with mysql_lab.test() as sandbox:
        asyncio.run(main())
    assert [limit.strategy for limit in sandbox.watch.met] == ["commit"]
    # The server notices only at the end of the statement that nobody waits for it.
    [(number,)] = mysql_lab.look(
        "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT sleep%'"
    )
    mysql_lab.change(f"KILL {number}")
