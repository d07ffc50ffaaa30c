"""What a statement of SQLite does, by its text."""

from __future__ import annotations

import pytest

from pytest_oneloop.sandbox import statements
from pytest_oneloop.sandbox.entries import Effect
from pytest_oneloop.sandbox.sqlite.texts import (
    Attach,
    Begin,
    Commit,
    Pragma,
    Rollback,
    Text,
    attaches,
    changes_session,
    read,
)

READ, WRITE = statements.Query(Effect.READ), statements.Query(Effect.WRITE)

TEXTS: dict[str, Text] = {
    "BEGIN": Begin(),
    "begin immediate transaction;": Begin(),
    "COMMIT": Commit(),
    "END TRANSACTION": Commit(),
    "-- done\nROLLBACK ;": Rollback(),
    "ROLLBACK TO SAVEPOINT a": statements.RollbackTo("a"),
    "SAVEPOINT a": statements.Savepoint("a"),
    "RELEASE a": statements.Release("a"),
    "SELECT my_function(id), datetime('now') FROM item": READ,
    "SELECT replace(name, 'a', 'b') FROM item": READ,
    "SELECT 'INSERT INTO item'": READ,
    "WITH one AS (SELECT 1) INSERT INTO item SELECT * FROM one": WRITE,
    "REPLACE INTO item VALUES (1)": WRITE,
    "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE b SET n = 1; END": WRITE,
    "PRAGMA foreign_keys": Pragma("foreign_keys", None),
    "PRAGMA foreign_keys=1": Pragma("foreign_keys", "on"),
    "PRAGMA main.foreign_keys = 'Yes';": Pragma("foreign_keys", "on"),
    "PRAGMA foreign_keys(OFF)": Pragma("foreign_keys", "off"),
    'PRAGMA main.table_info("item")': Pragma("table_info", None),
    "PRAGMA journal_mode = WAL": Pragma("journal_mode", "wal"),
    "ATTACH 'it''s/other.db' AS Other;": Attach("it's/other.db", "other"),
    'attach database "a b.db" as "Other"': Attach("a b.db", "other"),
    "/* more */ ATTACH DATABASE ? AS other": Attach(None, "other"),
    "ATTACH :path AS 'other'": Attach(None, "other"),
    "ATTACH 'a' || 'b' AS other": WRITE,
    "DETACH other": WRITE,
}


@pytest.mark.parametrize("sql", list(TEXTS))
def test_a_text(sql: str) -> None:
    assert read(sql) == TEXTS[sql]


@pytest.mark.parametrize(
    ("sql", "changes"),
    [
        ("PRAGMA case_sensitive_like = ON", True),
        ("CREATE TEMP TABLE a (id int)", True),
        ("ATTACH 'other.db' AS other", True),
        ("PRAGMA defer_foreign_keys = ON", False),
        ('PRAGMA table_info("a")', False),
        ("CREATE TABLE a (id int)", False),
        ("INSERT INTO a VALUES ('PRAGMA x = 1; ATTACH y')", False),
    ],
)
def test_what_stays_on_a_connection(sql: str, changes: bool) -> None:  # noqa: FBT001 - a parameter
    assert changes_session(sql) is changes


@pytest.mark.parametrize(
    ("name", "tuning"),
    [("cache_size", True), ("foreign_keys", False), ("recursive_triggers", False)],
)
def test_what_only_tunes(name: str, tuning: bool) -> None:  # noqa: FBT001 - a parameter
    assert Pragma(name, "1").tuning is tuning


def test_what_changes_the_files_that_are_attached() -> None:
    assert attaches("ATTACH 'other.db' AS other")
    assert attaches("-- it goes\n detach other")
    assert not attaches("INSERT INTO a VALUES ('ATTACH it')")
