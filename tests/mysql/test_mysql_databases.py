"""Databases on a MySQL server: copied whole, put back, and gone with their run."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.databases.mysql.copies import copy
from pytest_oneloop.databases.mysql.restoration import Restoration
from pytest_oneloop.databases.mysql.server import MySQLAddress, connected
from pytest_oneloop.databases.mysql.templates import unsafe_tables
from pytest_oneloop.databases.mysql.workers import create, named_lock, sweep
from pytest_oneloop.errors.mysql import MySQLRightsError, MySQLTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mysql.conftest import Worker
    from tools.mariadb import MariaDB

SCHEMA = (
    "CREATE TABLE parent (id int AUTO_INCREMENT PRIMARY KEY, name varchar(20) UNIQUE)",
    """CREATE TABLE child (id int AUTO_INCREMENT PRIMARY KEY, up int NOT NULL,
    amount int DEFAULT 4, twice int AS (amount * 2) STORED, doubled int AS (amount * 2) VIRTUAL,
    note text DEFAULT (uuid()),
    FOREIGN KEY (up) REFERENCES parent (id) ON DELETE CASCADE)""",
    "CREATE TABLE tree (id int PRIMARY KEY, up int, FOREIGN KEY (up) REFERENCES tree (id))",
    "CREATE TABLE log (what text)",
    "CREATE TABLE `odd ``name``` (`a b` int)",
    "CREATE TABLE old (id int) ENGINE=MyISAM",
    "CREATE VIEW b_names AS SELECT name FROM parent",
    "CREATE VIEW a_names AS SELECT name FROM b_names WHERE name <> ''",
    "CREATE FUNCTION twice(a int) RETURNS int DETERMINISTIC BEGIN RETURN a * 2; END",
    "CREATE PROCEDURE add_one() INSERT INTO parent (name) VALUES ('one')",
    "CREATE TRIGGER noted AFTER INSERT ON tree FOR EACH ROW INSERT INTO log VALUES (NEW.id)",
    "CREATE EVENT daily ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01' DO DELETE FROM log",
    "INSERT INTO parent VALUES (0, 'nobody'), (3, 'three')",
    "DELETE FROM parent WHERE id = 4",
    "INSERT INTO child (up) VALUES (3), (3)",
    "INSERT INTO tree VALUES (1, NULL), (2, 1)",
    "INSERT INTO `odd ``name``` VALUES (7)",
)
ONLY_MARIADB = ("CREATE SEQUENCE numbers START WITH 5",)
TABLES = ("parent", "child", "tree", "log", "`odd ``name```", "old")


@pytest.fixture
def template(mariadb_database: MariaDB) -> MariaDB:
    own = () if mariadb_database.is_mysql else ONLY_MARIADB
    mariadb_database.run("SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'", *SCHEMA, *own)
    return mariadb_database


@pytest.fixture
def database(address: MySQLAddress, template: MariaDB) -> Iterator[MariaDB]:
    """A copy of the template."""
    name = f"oneloop_run_{secrets.token_hex(4)}_main"
    create(address, template.database, name)
    yield replace(template, database=name)
    template.run(f"DROP DATABASE {name}")


@pytest.fixture
def restoration(
    address: MySQLAddress, template: MariaDB, database: MariaDB
) -> Iterator[Restoration]:
    restoration = Restoration(address, database.database, template.database)
    restoration.prepare()
    yield restoration
    restoration.close()


def contents(server: MariaDB) -> dict[str, object]:
    """Return all of a database: rows, definitions with their next ids, and what views show."""
    shown: dict[str, object] = {
        table: (server.run(f"SHOW CREATE TABLE {table}"), server.run(f"SELECT * FROM {table}"))
        for table in TABLES
    }
    for view in ("a_names", "b_names"):
        text = server.run(f"SHOW CREATE VIEW {view}")[0][1]
        shown[view] = (text.replace(server.database, ""), server.run(f"SELECT * FROM {view}"))
    shown["trigger"] = server.run("SHOW CREATE TRIGGER noted")[0][2]
    shown["function"] = server.run("SHOW CREATE FUNCTION twice")[0][2]
    shown["event"] = server.run("SHOW CREATE EVENT daily")[0][3]
    shown["procedure"] = server.run("SHOW CREATE PROCEDURE add_one")[0][2]
    return shown


def test_a_copy_has_all_of_the_template(template: MariaDB, database: MariaDB) -> None:
    assert contents(database) == contents(template)
    if not template.is_mysql:
        assert database.run("SELECT NEXTVAL(numbers)") == [(5,)]
    assert database.run("SELECT twice(4)") == [(8,)]


def test_a_copy_has_nothing_to_do_with_the_template(template: MariaDB, database: MariaDB) -> None:
    before = contents(template)
    database.run("DELETE FROM parent", "INSERT INTO parent (name) VALUES ('new')", "CALL add_one()")
    assert database.run("SELECT * FROM a_names") == [("new",), ("one",)]
    assert contents(template) == before


def test_what_runs_in_a_copy_runs_in_the_mode_of_the_template(
    worker: Callable[..., Worker],
) -> None:
    it = worker(
        "CREATE TABLE t (what varchar(9))",
        "SET sql_mode = 'PIPES_AS_CONCAT,STRICT_ALL_TABLES'",
        "CREATE TRIGGER twice BEFORE INSERT ON t FOR EACH ROW SET NEW.what = NEW.what || NEW.what",
        "CREATE FUNCTION both_of() RETURNS varchar(9) DETERMINISTIC RETURN 'a' || 'b'",
    )
    assert it.database.run("INSERT INTO t VALUES ('a')", "SELECT what FROM t") == [("aa",)]
    assert it.database.run("SELECT both_of()") == [("ab",)]


def test_tables_without_transactions_are_found(address: MySQLAddress, database: MariaDB) -> None:
    assert unsafe_tables(address, database.database) == {"old"}


@pytest.mark.parametrize(
    "statements",
    [
        (),
        ("INSERT INTO child (up) VALUES (3)",),
        ("DELETE FROM parent",),
        ("UPDATE parent SET name = 'other' WHERE id = 3",),
        ("INSERT INTO parent (name) VALUES ('x')", "DELETE FROM parent WHERE name = 'x'"),
        ("INSERT INTO log VALUES ('x')", "INSERT INTO old VALUES (1)"),
        ("TRUNCATE TABLE child",),
        ("DELETE FROM `odd ``name```",),
    ],
)
def test_rows_and_ids_are_put_back(
    template: MariaDB, database: MariaDB, restoration: Restoration, statements: tuple[str, ...]
) -> None:
    database.run("SELECT 1", *statements)
    assert restoration.restore()
    assert contents(database) == contents(template)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE more (id int)",
        "ALTER TABLE log ADD COLUMN more int",
        "CREATE INDEX quick ON child (note(5))",
        "DROP TABLE child",
        "DROP VIEW a_names",
        "DROP TRIGGER noted",
        "DROP FUNCTION twice",
        "CREATE OR REPLACE VIEW b_names AS SELECT 'x' AS name",
        "ALTER EVENT daily DISABLE",
        "ALTER EVENT daily COMMENT 'other'",
        "DROP EVENT daily",
        "ALTER DATABASE CHARACTER SET latin1",
        "ALTER DATABASE COLLATE utf8mb4_bin",
        "INSERT INTO tree VALUES (3, 1)",
    ],
)
def test_what_was_changed_otherwise_takes_a_fresh_copy(
    database: MariaDB, restoration: Restoration, statement: str
) -> None:
    database.run(statement)
    assert not restoration.restore()


def test_ids_that_the_sandbox_has_used_start_over(
    template: MariaDB, database: MariaDB, restoration: Restoration
) -> None:
    database.run("BEGIN", "INSERT INTO parent (name) VALUES ('x')", "ROLLBACK")
    assert contents(database) != contents(template)
    restoration.prepare()
    assert contents(database) == contents(template)


def test_a_session_in_a_transaction_is_ended_and_named(
    address: MySQLAddress, database: MariaDB, restoration: Restoration
) -> None:
    with connected(address, database.database) as session:
        session.rows("BEGIN")
        session.rows("INSERT INTO log VALUES ('x')")
        [(number,)] = session.rows("SELECT connection_id()")
        [ended] = restoration.clear().ended
        assert ended.pid == number
        assert str(ended) == f"session {number} of tester, in the middle of a transaction"
        assert restoration.restore()
        with pytest.raises(Exception, match=r"2006|2013|gone|Lost"):
            session.rows("SELECT 1")


def test_databases_of_runs_that_are_gone_are_swept(address: MySQLAddress, mariadb: MariaDB) -> None:
    def of_runs() -> set[str]:
        return {name for name in mariadb.databases() if name.startswith("oneloop_run_")}

    alive, gone = (f"oneloop_run_{secrets.token_hex(4)}_gw0" for _ in range(2))
    with named_lock(address, alive, seconds=5, task="test") as session:
        for name in (alive, gone, f"{gone}_clone2", f"{alive}_clone1"):
            create(address, None, name)
        sweep(session)
        assert of_runs() == {alive, f"{alive}_clone1"}
    with connected(address) as session:
        sweep(session)
    assert of_runs() == set()


def test_a_lock_that_is_held_is_waited_for_no_longer_than_told(address: MySQLAddress) -> None:
    with (
        named_lock(address, "oneloop_test", seconds=5, task="test"),
        pytest.raises(MySQLTimeoutError),
        named_lock(address, "oneloop_test", seconds=0, task="test"),
    ):
        pass


def test_a_user_without_rights_is_told_of_them(address: MySQLAddress, mariadb: MariaDB) -> None:
    mariadb.run("CREATE USER poor IDENTIFIED BY 'poor'")
    try:
        with pytest.raises(MySQLRightsError) as raised:
            create(replace(address, user="poor", password="poor"), None, "oneloop_run_a_main")
    finally:
        mariadb.run("DROP USER poor")
    assert raised.value.instead.endswith("GRANT ALL ON `oneloop\\_%`.* TO 'poor'@'%'")


def test_with_the_rights_that_the_error_names_all_can_be_done(
    address: MySQLAddress, mariadb: MariaDB, template: MariaDB
) -> None:
    name = f"oneloop_run_{secrets.token_hex(4)}_main"
    mariadb.run(
        "CREATE USER modest IDENTIFIED BY 'modest'",
        "GRANT ALL ON `oneloop\\_%`.* TO 'modest'@'%'",
        f"GRANT SELECT, SHOW VIEW, TRIGGER ON {template.database}.* TO 'modest'@'%'",
        "CREATE DATABASE oneloop_small",
        "CREATE TABLE oneloop_small.t (id int AUTO_INCREMENT PRIMARY KEY)",
    )
    modest = replace(address, user="modest", password="modest")
    try:
        create(modest, "oneloop_small", name)
        restoration = Restoration(modest, name, "oneloop_small")
        restoration.prepare()
        replace(mariadb, database=name).run("INSERT INTO t VALUES (1)")
        assert restoration.clear().ended == ()
        assert restoration.restore()
        restoration.close()
        assert replace(mariadb, database=name).run("SELECT * FROM t") == []
    finally:
        mariadb.run(
            "DROP USER modest", "DROP DATABASE oneloop_small", f"DROP DATABASE IF EXISTS {name}"
        )


def test_views_that_cannot_be_made_raise_what_is_wrong(
    address: MySQLAddress, mariadb_database: MariaDB
) -> None:
    mariadb_database.run(
        "CREATE TABLE t (id int)", "CREATE VIEW v AS SELECT id FROM t", "DROP TABLE t"
    )
    name = f"oneloop_run_{secrets.token_hex(4)}_main"
    try:
        with (
            connected(address) as session,
            pytest.raises(Exception, match=r"1146|1356"),
        ):
            copy(session, mariadb_database.database, name)
    finally:
        mariadb_database.run(f"DROP DATABASE {name}")
