"""After a test that has committed, every change of rows is noticed and put back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from mysql.conftest import Worker

POSTS = (
    "CREATE TABLE post (id int AUTO_INCREMENT PRIMARY KEY, draft text, published varchar(50))",
    """INSERT INTO post (draft, published)
    VALUES ('hello', ''), ('ab', 'c'), ('x', 'yz'), ('', NULL)""",
)

TYPES = {
    "tinyint": ("1", "2"),
    "bigint unsigned": ("18446744073709551614", "18446744073709551615"),
    "decimal(20, 10)": ("1.0000000001", "1.0000000002"),
    "float": ("1.0000001", "1.0000002"),
    "double": ("0.1", "0.10000000000000002"),
    "bit(64)": ("b'1'", "b'10'"),
    "bool": ("true", "false"),
    "date": ("'2020-01-01'", "'2020-01-02'"),
    "time(6)": ("'-10:00:00.000001'", "'-10:00:00.000002'"),
    "datetime(6)": ("'2020-01-01 00:00:00.000001'", "'2020-01-01 00:00:00.000002'"),
    "timestamp(6) NULL": ("'2020-01-01 00:00:00.000001'", "'2020-01-01 00:00:00.000002'"),
    "year": ("2020", "2021"),
    "char(5)": ("'a'", "'A'"),
    "varchar(5)": ("'a'", "'a '"),
    "varchar(5) CHARACTER SET latin1": ("'a'", "'\u00e4'"),
    "varchar(5) CHARACTER SET utf16": ("'a'", "''"),
    "binary(3)": ("'a'", "'b'"),
    "varbinary(3)": ("x'00'", "x'0000'"),
    "longtext": ("'null'", "NULL"),
    "longblob": ("x'00ff'", "x'00fe'"),
    "json": ("'{\"a\": 1}'", "'{\"a\": 2}'"),
    "enum('', 'a')": ("'a'", "''"),
    "set('a', 'b')": ("'a'", "'a,b'"),
    "geometry": ("POINT(1, 2)", "POINT(2, 1)"),
}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE post SET published = draft, draft = '' WHERE id = 1",
        "UPDATE post SET draft = 'a', published = 'bc' WHERE id = 2",
        "UPDATE post SET draft = NULL, published = '' WHERE id = 4",
        # All rows together have the same texts, and the same lengths, as before.
        """UPDATE post SET draft = IF(id = 2, 'a', 'xy'), published = IF(id = 2, 'bc', 'z')
        WHERE id IN (2, 3)""",
    ],
)
def test_what_moves_from_one_column_to_another_is_put_back(
    worker: Callable[..., Worker], statement: str
) -> None:
    it = worker(*POSTS)
    it.restoration.prepare()
    it.database.run(statement)
    assert it.restoration.restore()
    assert it.database.run("SELECT * FROM post") == it.template.run("SELECT * FROM post")


def test_rows_that_are_there_twice_are_counted(worker: Callable[..., Worker]) -> None:
    it = worker("CREATE TABLE log (what text)", "INSERT INTO log VALUES ('a'), ('b'), ('b')")
    it.restoration.prepare()
    for change in ("INSERT INTO log VALUES ('a'), ('a')", "UPDATE log SET what = 'a'"):
        it.database.run(change)
        assert it.restoration.restore()
        assert sorted(it.database.run("SELECT * FROM log")) == [("a",), ("b",), ("b",)]


def test_a_change_of_every_type_is_put_back(worker: Callable[..., Worker]) -> None:
    names = [f"c{number}" for number in range(len(TYPES))]
    columns = [f"{name} {kind}" for name, kind in zip(names, TYPES, strict=True)]
    firsts = ", ".join(first for first, _ in TYPES.values())
    it = worker(
        f"CREATE TABLE t (id int PRIMARY KEY, {', '.join(columns)},"
        " twice int AS (c0 * 2) STORED, doubled int AS (c0 * 2) VIRTUAL)",
        f"INSERT INTO t (id, {', '.join(names)}) VALUES (1, {firsts})",
        "INSERT INTO t (id) VALUES (2)",
    )
    question = f"SELECT id, twice, doubled, {', '.join(f'HEX({name})' for name in names)} FROM t"
    before = it.template.run(question)
    it.restoration.prepare()
    assert it.restoration.restore()
    for name, (kind, (_, second)) in zip(names, TYPES.items(), strict=True):
        it.database.run(f"UPDATE t SET {name} = {second} WHERE id = 1")
        assert it.restoration.restore(), kind
        exact = f"SELECT {name} <=> (SELECT {name} FROM {it.template.database}.t WHERE id = 1)"
        assert it.database.run(f"{exact} FROM t WHERE id = 1") == [(1,)], kind
    assert it.database.run(question) == before


def test_a_row_longer_than_a_message_is_put_back(worker: Callable[..., Worker]) -> None:
    it = worker("CREATE TABLE t (id int PRIMARY KEY, a longtext, b longtext)")
    half = "REPEAT('x', @@max_allowed_packet * 3 DIV 4)"
    it.template.run("INSERT INTO t VALUES (1, NULL, NULL)", f"UPDATE t SET a = {half}")
    it.template.run(f"UPDATE t SET b = {half}")
    it.restoration.prepare()
    it.database.run("INSERT INTO t VALUES (1, 'x', 'x')")
    assert it.restoration.restore()
    assert it.database.run("SELECT LENGTH(a) = LENGTH(b), LEFT(a, 1) FROM t") == [(1, "x")]
