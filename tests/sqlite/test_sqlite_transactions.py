"""Transactions of SQLite's drivers, by their own means and by SQL text."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, OperationalError

from pytest_oneloop.errors.sqlite import RolledBackError
from tools.sqlite_laboratory import begin_by_listeners

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tools.sqlite_laboratory import SqliteLaboratory

INSERT = text("INSERT INTO item (id) VALUES (:id)")


def add(connection: Connection, *numbers: int) -> None:
    for number in numbers:
        connection.execute(INSERT, {"id": number})


def stored(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.scalars(text("SELECT id FROM item ORDER BY id")))


def use(engine: Engine) -> None:
    with engine.begin() as connection:
        add(connection, 1)
    with engine.connect() as connection:
        add(connection, 2)
        with pytest.raises(IntegrityError), connection.begin_nested():
            add(connection, 3, 1)
        with connection.begin_nested():
            add(connection, 4)
        connection.rollback()
        add(connection, 5)
        connection.commit()
    assert stored(engine) == [1, 5]


def test_the_documented_listeners_may_begin_transactions(lab: SqliteLaboratory) -> None:
    engine = lab.engine()
    begin_by_listeners(engine)
    for number in range(3):
        with lab.test(f"test_{number}") as sandbox:
            lab.run(use, engine)
        assert sandbox.problems == []


def test_without_the_sandbox_they_leave_their_rows(lab: SqliteLaboratory) -> None:
    lab.router.close()
    bare = type(lab)(lab.driver, lab.path, sandboxed=False, prepared=True)
    engine = bare.engine()
    bare.run(use, engine)
    assert bare.look("SELECT id FROM item") == [(1,), (5,)]
    bare.change("DELETE FROM item")
    bare.run(engine.dispose)
    lab.router.listen()


def test_a_script_of_sql_may_hold_the_transaction(lab: SqliteLaboratory) -> None:
    def body(engine: Engine) -> None:
        raw = engine.raw_connection()
        cursor = raw.cursor()
        cursor.execute("INSERT INTO item (id) VALUES (1)")
        cursor.executescript(
            "BEGIN; INSERT INTO item (id) VALUES (2); COMMIT;"
            "CREATE TRIGGER twice AFTER INSERT ON parent BEGIN"
            " INSERT INTO item (id) VALUES (new.id); SELECT 1; END;"
            "INSERT INTO parent (id) VALUES (7);"
        )
        cursor.close()
        raw.rollback()
        raw.close()
        assert stored(engine) == [1, 2, 7]

    if lab.is_async:
        pytest.skip("the dialect's cursors of aiosqlite have no scripts")
    lab.check(body)


def test_text_controls_the_virtual_transaction(lab: SqliteLaboratory) -> None:
    def body(engine: Engine) -> None:
        with engine.connect() as connection:
            add(connection, 1)
            connection.exec_driver_sql("COMMIT")
            add(connection, 2)
            connection.exec_driver_sql("ROLLBACK")
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            add(connection, 3)
            connection.exec_driver_sql("ROLLBACK")
            with pytest.raises(
                (OperationalError, sqlite3.OperationalError), match="no transaction"
            ):
                connection.exec_driver_sql("COMMIT")
        assert stored(engine) == [1]

    lab.check(body)


def test_a_statement_that_rolls_all_back_is_told(lab: SqliteLaboratory) -> None:
    def body(engine: Engine) -> None:
        with engine.begin() as connection:
            add(connection, 1)
        with pytest.raises(RolledBackError) as raised, engine.begin() as connection:
            connection.execute(text("INSERT OR ROLLBACK INTO item (id) VALUES (1)"))
        assert "UNIQUE constraint failed" in raised.value.cause
        with pytest.raises(RolledBackError):
            stored(engine)

    engine = lab.engine()
    with lab.test() as sandbox:
        lab.run(body, engine)
    assert {limit.reason for limit in sandbox.watch.met} == {
        "a statement rolls its whole transaction back"
    }
    with lab.test() as sandbox:
        lab.run(use, engine)
    assert sandbox.problems == []


def test_ids_start_over(lab: SqliteLaboratory) -> None:
    def body(engine: Engine) -> list[int]:
        with engine.begin() as connection:
            for name in "ab":
                connection.execute(
                    text("INSERT INTO counted (name) VALUES (:name)"), {"name": name}
                )
            return list(connection.scalars(text("SELECT id FROM counted ORDER BY id")))

    engine = lab.engine()
    for _ in range(3):
        with lab.test():
            assert lab.run(body, engine) == [1, 2]


@pytest.mark.parametrize("place", ["", "/:memory:", "/file::memory:?cache=shared&uri=true"])
def test_all_connections_see_one_database_in_memory(lab: SqliteLaboratory, place: str) -> None:
    lab.place = place
    lab.check(use)
