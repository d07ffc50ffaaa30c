"""What listeners of `connect` send in the middle of a test, and rows that nobody has read."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, event, text

from tools.sqlite_laboratory import SqliteLaboratory

if TYPE_CHECKING:
    from pathlib import Path

ADD = text("INSERT INTO item (name) VALUES ('a')")
RETURNING = "INSERT INTO item (name) VALUES ('a'), ('b'), ('c') RETURNING id"


def add(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(ADD)


def sending(engine: Engine, *statements: str) -> list[Any]:
    """Let a listener send statements, of which nobody reads a row; return its cursors."""
    held: list[Any] = []

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        for statement in statements:
            cursor = connection.cursor()
            cursor.execute(statement)
            held.append(cursor)

    return held


def count(engine: Engine) -> object:
    with engine.connect() as connection:
        return connection.scalar(text("SELECT count(*) FROM item"))


@pytest.mark.parametrize("strictness", ["NORMAL", "FULL"])
def test_what_tunes_is_not_sent_in_the_middle_of_a_test(
    lab: SqliteLaboratory, tmp_path: Path, strictness: str
) -> None:
    archive = tmp_path / "archive.db"
    with closing(sqlite3.connect(archive)) as made:
        made.execute("CREATE TABLE old (name text)")
    tuning = ("PRAGMA journal_mode=WAL", f"PRAGMA synchronous={strictness}")
    plain, attaching, late = lab.engine(), lab.engine(), lab.engine()
    sending(plain, *tuning)
    sending(attaching, *tuning, f"ATTACH '{archive}' AS archive")
    sending(late, *tuning, "PRAGMA synchronous=EXTRA", "PRAGMA wal_checkpoint(TRUNCATE)")

    def body() -> None:
        add(plain)
        with attaching.begin() as connection:
            assert connection.scalar(text("SELECT count(*) FROM archive.old")) == 0
            connection.execute(text("INSERT INTO archive.old VALUES ('a')"))
        add(late)
        for engine in (plain, attaching, late):
            assert count(engine) == 2
            engine.dispose()

    for number in range(3):
        with lab.test(f"test_{number}") as sandbox:
            lab.run(body)
        assert sandbox.problems == []


def test_what_tunes_is_answered_in_the_middle_of_a_test(lab: SqliteLaboratory) -> None:
    first, second = lab.engine(), lab.engine()
    answers = [sending(engine, "PRAGMA busy_timeout=7000") for engine in (first, second)]

    def body() -> None:
        add(first)
        add(second)
        for (cursor,) in answers:
            assert isinstance(cursor.fetchone()[0], int)

    with lab.test() as sandbox:
        lab.run(body)
    assert sandbox.problems == []


def test_a_checkpoint_in_a_test_has_nothing_to_do(lab: SqliteLaboratory) -> None:
    def body(engine: Engine) -> None:
        with engine.connect() as connection:
            for statement in ("PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA wal_checkpoint"):
                found = connection.exec_driver_sql(statement).one()
                assert tuple(found) == (0, -1, -1)

    lab.check(body)


@pytest.mark.parametrize(
    "statement",
    ["PRAGMA journal_mode=WAL", "PRAGMA journal_mode", "SELECT 1 UNION SELECT 2"],
)
def test_rows_of_a_listener_that_nobody_reads(lab: SqliteLaboratory, statement: str) -> None:
    plain, listening = lab.engine(), lab.engine()
    held = sending(listening, statement)

    def body() -> None:
        add(plain)
        add(listening)
        before = count(plain)
        with plain.connect() as connection, listening.connect() as other:
            connection.execute(ADD)
            other.execute(text("SAVEPOINT a"))
            connection.rollback()
            connection.execute(ADD)
            connection.commit()
        assert count(listening) == int(str(before)) + 1
        assert held.pop().fetchone() is not None

    for number in range(2):
        with lab.test(f"test_{number}") as sandbox:
            lab.run(body)
        assert sandbox.problems == []
        plain.dispose()
        listening.dispose()


@pytest.mark.parametrize("statement", [RETURNING, "PRAGMA journal_mode", "PRAGMA journal_mode=WAL"])
def test_rows_that_one_thread_has_not_read_yet(file: Path, statement: str) -> None:
    with SqliteLaboratory("pysqlite", file).open() as lab:
        engine = lab.engine()
        with lab.test() as sandbox:
            with engine.connect() as first:
                found = first.exec_driver_sql(statement)
                other = threading.Thread(target=add, args=(engine,))
                other.start()
                other.join(10)
                assert len(found.fetchall()) == (3 if statement == RETURNING else 1)
                first.commit()
            assert count(engine) == (4 if statement == RETURNING else 1)
        assert sandbox.problems == []
        engine.dispose()


def rows(cursor: Any, connection: Any) -> list[object]:
    """Read rows in each way that there is."""
    found: list[object] = [cursor.execute(RETURNING).fetchone(), cursor.fetchmany()]
    found += [list(cursor), cursor.fetchall(), cursor.fetchone()]
    found += [cursor.execute(RETURNING).fetchmany(2), cursor.fetchmany(2), cursor.fetchmany(2)]
    found += [cursor.execute(RETURNING).fetchall(), cursor.fetchall(), cursor.rowcount]
    cursor.execute(RETURNING)
    found += [next(cursor), [one[0] for one in cursor.description]]
    cursor.execute("SELECT 5 AS five")
    cursor.row_factory = sqlite3.Row
    found += [cursor.fetchone()["five"], cursor.fetchone()]
    cursor.execute(RETURNING)
    found += [cursor.fetchone()["id"], cursor.fetchmany(size=1)[0]["id"]]
    connection.rollback()
    for read in (cursor.close, cursor.fetchone, cursor.fetchall):
        try:
            found.append(read())
        except sqlite3.Error as error:
            found.append(type(error))
    return found


def test_rows_are_read_as_on_sqlite_alone(file: Path) -> None:
    with closing(sqlite3.connect(file)) as alone:
        plain = rows(alone.cursor(), alone)
    with SqliteLaboratory("pysqlite", file).open() as lab:
        engine = lab.engine()
        with lab.test() as sandbox, engine.connect() as connection:
            own: Any = connection.connection.dbapi_connection
            assert rows(own.cursor(), own) == plain
        assert sandbox.problems == []
        engine.dispose()


@pytest.mark.parametrize("driver", ["aiosqlite", "pysqlite"])
@pytest.mark.parametrize("pragma", ["locking_mode=EXCLUSIVE", "journal_mode=OFF"])
def test_a_listener_does_not_take_the_end_of_a_test_away(
    file: Path, driver: str, pragma: str
) -> None:
    def body() -> object:
        with engine.begin() as connection:
            changed = connection.scalar(text("SELECT count(*) FROM item WHERE name <> 'old'"))
            # More than SQLite keeps in memory: without a journal it is in the file for good.
            connection.execute(text("UPDATE item SET name = hex(zeroblob(500)) || id"))
        engine.dispose()
        return changed

    with SqliteLaboratory(driver, file).open() as lab:
        lab.change(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)"
            " INSERT INTO item (name) SELECT 'old' FROM n"
        )
        engine = lab.engine()
        held = sending(engine, f"PRAGMA {pragma}")
        for number in range(2):
            with lab.test(f"test_{number}") as sandbox:
                assert lab.run(body) == 0
            assert sandbox.problems == []
            assert held.pop().fetchone() in {("normal",), ("delete",)}
    lab.change("DELETE FROM item")
