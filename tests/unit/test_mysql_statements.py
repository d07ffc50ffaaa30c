"""What MySQL's statements do, read off their text."""

from __future__ import annotations

import pytest

from pytest_oneloop.sandbox.entries import Effect
from pytest_oneloop.sandbox.mysql.commits import implicit_commit
from pytest_oneloop.sandbox.mysql.statements import changes_session, read
from pytest_oneloop.sandbox.mysql.text import commands
from pytest_oneloop.sandbox.statements import (
    Commits,
    Control,
    Query,
    Release,
    RollbackTo,
    Savepoint,
    Statement,
)
from tools.mysql_statements import (
    COMMITS,
    COMMITS_ELSEWHERE,
    COMMITS_ON_MARIADB,
    KEEPS,
    KEEPS_ON_MARIADB,
)

_COMMITS = COMMITS | COMMITS_ON_MARIADB | COMMITS_ELSEWHERE
_READ, _WRITE = Query(Effect.READ), Query(Effect.WRITE)


@pytest.mark.parametrize(("sql", "name"), _COMMITS.items())
def test_a_statement_that_commits_is_named(sql: str, name: str) -> None:
    assert implicit_commit(sql) == name
    assert read(sql) == Commits(name)


@pytest.mark.parametrize("sql", KEEPS + KEEPS_ON_MARIADB)
def test_one_that_does_not_is_not(sql: str) -> None:
    assert implicit_commit(sql) is None


@pytest.mark.parametrize(
    ("sql", "statement"),
    [
        ("SELECT 1", _READ),
        ("", _READ),
        ("SELECT a FROM t WHERE a IN (1, 2)", _READ),
        ("(SELECT 1) UNION (SELECT 2)", _READ),
        ("WITH x AS (SELECT 1) SELECT * FROM x", _READ),
        ("SELECT replace('a', 'b', 'c'), if(1, 2, 3)", _READ),
        ("SELECT 'UPDATE t'", _READ),
        ("SHOW TABLES", _READ),
        ("SET NAMES utf8mb4", _READ),
        ("SELECT own()", _WRITE),
        ("SELECT `count`(1)", _WRITE),
        ("SELECT other.count(1)", _WRITE),
        ("SELECT 1 FROM t FOR UPDATE", _WRITE),
        ("SELECT 1 FROM t LOCK IN SHARE MODE", _WRITE),
        ("SELECT NEXT VALUE FOR s", _WRITE),
        ("INSERT INTO t VALUES (1)", _WRITE),
        ("SELECT 1; INSERT INTO t VALUES (1)", _WRITE),
        ("CALL p()", _WRITE),
        ("WITH x AS (SELECT 1) DELETE FROM t", _WRITE),
        ("SAVEPOINT a", Savepoint("a")),
        ("RELEASE SAVEPOINT `a b`", Release("a b")),
        ("ROLLBACK TO a", RollbackTo("a")),
        ("rollback work to savepoint a", RollbackTo("a")),
        ("COMMIT", Control("COMMIT")),
        ("commit work /* now */", Control("COMMIT")),
        ("ROLLBACK", Control("ROLLBACK")),
        ("COMMIT AND CHAIN", Control("COMMIT AND CHAIN")),
        ("COMMIT RELEASE", Control("COMMIT RELEASE")),
        ("UPDATE t SET a = 1; COMMIT", Control("UPDATE T SET A = 1; COMMIT")),
        ("XA START 'x'", Control("XA START 'X'")),
    ],
)
def test_a_statement_is_read(sql: str, statement: Statement) -> None:
    assert read(sql) == statement


@pytest.mark.parametrize(
    ("sql", "changes"),
    [
        ("SET sql_mode = 'ANSI'", True),
        ("SET @a = 1", True),
        ("SELECT @a := 1", True),
        ("SELECT 1 INTO @a", True),
        ("SELECT get_lock('a', 1)", True),
        ("USE other", True),
        ("CREATE TEMPORARY TABLE y (id int)", True),
        ("SET GLOBAL max_connections = 9", False),
        ("SET TRANSACTION READ ONLY", False),
        ("SET STATEMENT max_statement_time = 9 FOR SELECT 1", False),
        ("SELECT @@sql_mode", False),
        ("INSERT INTO t VALUES ('SET a')", False),
    ],
)
def test_what_no_rollback_puts_back_is_told(sql: str, changes: bool) -> None:  # noqa: FBT001
    assert changes_session(sql) is changes


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT 1; SELECT 2;", ("SELECT 1", "SELECT 2")),
        ("SELECT ';' , `a;b` # ; \n -- ;\n", ("SELECT '' , `a;b`",)),
        ("SELECT 5--1", ("SELECT 5--1",)),
        ("/*!50001 SELECT */ 1 /* two */", ("SELECT   1",)),
        ("/*M!100100 SELECT 1 */", ("SELECT 1",)),
        ("/* never closed ; SELECT 1", ()),
    ],
)
def test_commands_are_told_apart(sql: str, found: tuple[str, ...]) -> None:
    assert commands(sql) == found
