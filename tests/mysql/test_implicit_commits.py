"""The table of statements is true: the server says after each whether the transaction stands."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pymysql
from pymysql.constants import CLIENT

from tools.mysql_statements import COMMITS, KEEPS, SETUP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.mariadb import MariaDB


def inside_afterwards(server: MariaDB, statements: Iterable[str]) -> dict[str, bool]:
    """Send each statement in a transaction that has written; tell whether it still stands."""
    connection = pymysql.connect(
        host="127.0.0.1",
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
            cursor.execute("SELECT @@in_transaction")
            inside = cursor.fetchone() == (1,)
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
    mariadb_database.run(*SETUP, "CREATE TABLE witness (id int)")
    assert inside_afterwards(mariadb_database, COMMITS) == dict.fromkeys(COMMITS, False)


def test_no_other_does(mariadb_database: MariaDB) -> None:
    mariadb_database.run(*SETUP, "CREATE TABLE witness (id int)")
    assert inside_afterwards(mariadb_database, KEEPS) == dict.fromkeys(KEEPS, True)
