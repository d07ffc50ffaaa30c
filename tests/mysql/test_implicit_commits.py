"""The table of statements is true: the server says after each whether the transaction stands."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pymysql
from pymysql.constants import CLIENT, SERVER_STATUS

from tools.mysql_statements import COMMITS, COMMITS_ON_MARIADB, KEEPS, KEEPS_ON_MARIADB, SETUP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.mariadb import MariaDB


def inside_afterwards(server: MariaDB, statements: Iterable[str]) -> dict[str, bool]:
    """Send each statement in a transaction that has written; tell whether it still stands."""
    connection: Any = pymysql.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        database=server.database,
        client_flag=CLIENT.MULTI_STATEMENTS,
        autocommit=True,
    )
    outcome = {}
    with closing(connection), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute("BEGIN")
            cursor.execute("INSERT INTO witness VALUES (1)")
            cursor.execute("SAVEPOINT a")
            cursor.execute(statement)
            while cursor.nextset():
                pass
            if cursor.description is not None:
                cursor.fetchall()
            cursor.execute("SELECT 1")
            inside = bool(connection.server_status & SERVER_STATUS.SERVER_STATUS_IN_TRANS)
            cursor.execute("UNLOCK TABLES")
            cursor.execute("ROLLBACK")
            # BEGIN and its like leave a transaction, but not the one with the row.
            cursor.execute("SELECT count(*) FROM witness")
            kept = cursor.fetchone() == (0,)
            outcome[statement] = inside and kept
            cursor.execute("DELETE FROM witness")
            cursor.execute("COMMIT")
    return outcome


def test_each_that_commits_ends_the_transaction(mariadb_database: MariaDB) -> None:
    statements = COMMITS if mariadb_database.is_mysql else COMMITS | COMMITS_ON_MARIADB
    mariadb_database.run(*SETUP, "CREATE TABLE witness (id int)")
    assert inside_afterwards(mariadb_database, statements) == dict.fromkeys(statements, False)


def test_no_other_does(mariadb_database: MariaDB) -> None:
    statements = KEEPS if mariadb_database.is_mysql else KEEPS + KEEPS_ON_MARIADB
    mariadb_database.run(*SETUP, "CREATE TABLE witness (id int)")
    assert inside_afterwards(mariadb_database, statements) == dict.fromkeys(statements, True)
