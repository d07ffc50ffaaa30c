"""What MariaDB alone has: tables that keep their history, sequences, packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.databases.mysql.inventory import inventory
from pytest_oneloop.databases.mysql.server import connected
from pytest_oneloop.databases.mysql.templates import unsafe_tables
from pytest_oneloop.errors.mysql import UncopiedTablesError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mysql.conftest import Worker
    from pytest_oneloop.databases.mysql.server import MySQLAddress
    from tools.mariadb import MariaDB


@pytest.fixture(autouse=True)
def _only_mariadb(mariadb: MariaDB) -> None:
    if mariadb.is_mysql:
        pytest.skip("MySQL has none of it")


VERSIONED = (
    """CREATE TABLE price (id int AUTO_INCREMENT PRIMARY KEY, amount int)
    WITH SYSTEM VERSIONING""",
    """CREATE TABLE named (id int PRIMARY KEY, amount int, since timestamp(6) AS ROW START,
    until timestamp(6) AS ROW END, PERIOD FOR SYSTEM_TIME (since, until))
    WITH SYSTEM VERSIONING""",
    "INSERT INTO price VALUES (1, 10), (2, 20)",
    "UPDATE price SET amount = 11 WHERE id = 1",
    "DELETE FROM price WHERE id = 2",
    "INSERT INTO named (id, amount) VALUES (1, 1)",
    "UPDATE named SET amount = 2",
)
NUMBERED = (
    """CREATE TABLE numbered (id int PRIMARY KEY, amount int,
    since bigint unsigned AS ROW START, until bigint unsigned AS ROW END,
    PERIOD FOR SYSTEM_TIME (since, until)) WITH SYSTEM VERSIONING""",
    "INSERT INTO numbered (id, amount) VALUES (1, 1)",
    "UPDATE numbered SET amount = 2",
)
HISTORY = (
    "SELECT *, row_start, row_end FROM price FOR SYSTEM_TIME ALL ORDER BY id, row_start",
    "SELECT * FROM named FOR SYSTEM_TIME ALL ORDER BY id, since",
)


def test_a_table_with_history_is_copied_with_it(worker: Callable[..., Worker]) -> None:
    it = worker(*VERSIONED)
    for question in HISTORY:
        assert it.database.run(question) == it.template.run(question)
        assert len(it.database.run(question)) > 1
    assert it.database.run("SELECT * FROM price") == [(1, 11)]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO price (amount) VALUES (5)",
        "UPDATE price SET amount = 12",
        "DELETE FROM price",
        "UPDATE named SET amount = 3",
        "DELETE HISTORY FROM price",
    ],
)
def test_a_table_with_history_is_put_back_with_it(
    worker: Callable[..., Worker], statement: str
) -> None:
    it = worker(*VERSIONED)
    it.restoration.prepare()
    it.database.run(statement)
    assert it.restoration.restore()
    for question in (*HISTORY, "SELECT * FROM price", "SHOW CREATE TABLE price"):
        assert it.database.run(question) == it.template.run(question)


def test_history_by_transactions_begins_with_the_copy(worker: Callable[..., Worker]) -> None:
    it = worker(*NUMBERED)
    question = "SELECT id, amount FROM numbered FOR SYSTEM_TIME ALL"
    it.restoration.prepare()
    for change in ("SELECT 1", "UPDATE numbered SET amount = 3", "DELETE FROM numbered"):
        it.database.run(change)
        assert it.restoration.restore()
        assert it.database.run(question) == [(1, 2)]


def test_a_table_with_history_may_have_an_engine_without_transactions(
    address: MySQLAddress, worker: Callable[..., Worker]
) -> None:
    it = worker("CREATE TABLE t (id int) ENGINE=Aria WITH SYSTEM VERSIONING")
    assert unsafe_tables(address, it.database.database) == {"t"}


def test_a_table_of_an_unknown_kind_is_not_left_out(address: MySQLAddress) -> None:
    with connected(address) as session, pytest.raises(UncopiedTablesError) as raised:
        inventory(session, "information_schema")
    assert ("INNODB_TRX", "SYSTEM VIEW") in raised.value.tables


SEQUENCES = (
    "CREATE SEQUENCE numbers START WITH 10",
    "CREATE SEQUENCE odd START WITH 3 INCREMENT BY 2 MAXVALUE 7 NOCACHE CYCLE",
    "CREATE TABLE t (id int DEFAULT NEXTVAL(numbers), what text)",
)


def draw(it: Worker) -> list[object]:
    """Draw from both sequences, one of them by a default of a column."""
    drawn = [it.database.run("SELECT NEXTVAL(odd)")[0][0] for _ in range(4)]
    it.database.run("INSERT INTO t (what) VALUES ('x')")
    return [*drawn, *(number for number, _ in it.database.run("SELECT * FROM t"))]


@pytest.mark.parametrize(
    "change", ["SELECT 1", "SELECT SETVAL(numbers, 100)", "ALTER SEQUENCE odd RESTART WITH 5"]
)
def test_sequences_start_over_after_a_test_that_committed(
    worker: Callable[..., Worker], change: str
) -> None:
    it = worker(*SEQUENCES)
    it.restoration.prepare()
    for _ in range(2):
        assert draw(it) == [3, 5, 7, 1, 10]
        it.database.run(change)
        assert it.restoration.restore()
    assert it.template.run("SELECT NEXTVAL(numbers)") == [(10,)]


def test_sequences_that_the_sandbox_has_used_start_over(worker: Callable[..., Worker]) -> None:
    it = worker(*SEQUENCES)
    for _ in range(2):
        it.database.run("BEGIN", "SELECT NEXTVAL(numbers), NEXTVAL(odd)", "ROLLBACK")
        it.restoration.prepare()
        assert draw(it) == [3, 5, 7, 1, 10]
        assert it.restoration.restore()


def test_a_sequence_that_is_defined_otherwise_takes_a_fresh_copy(
    worker: Callable[..., Worker],
) -> None:
    it = worker(*SEQUENCES)
    it.restoration.prepare()
    it.database.run("ALTER SEQUENCE numbers INCREMENT BY 7")
    assert not it.restoration.restore()


def test_a_package_is_copied(worker: Callable[..., Worker]) -> None:
    it = worker(
        "SET sql_mode = ORACLE",
        "CREATE PACKAGE tools AS FUNCTION one RETURN int; END",
        "CREATE PACKAGE BODY tools AS FUNCTION one RETURN int AS BEGIN RETURN 1; END; END",
    )
    assert it.database.run("SET sql_mode = ORACLE", "SELECT tools.one()") == [(1,)]
