"""What is a connection's own in SQLite: settings, functions, the driver's own connection."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, event, inspect, select, text
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool

from pytest_oneloop.errors.sandbox import SplitTransactionError
from pytest_oneloop.errors.sqlite import PragmaError
from tools.sqlite_laboratory import SqliteLaboratory

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = (sqlite3.Connection, AsyncAdapt_aiosqlite_connection)


def prepare(connection: Any, _record: object) -> None:
    """Do what applications do in a listener."""
    assert isinstance(connection, _KINDS)
    cursor = connection.cursor()
    for pragma in ("foreign_keys=ON", "journal_mode=WAL", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
    connection.create_function("twice", 1, lambda number: 2 * number)


def orphan(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
        assert connection.scalar(text("SELECT twice(21)")) == 42
        connection.execute(text("CREATE TABLE part (item_id int REFERENCES item)"))
        with pytest.raises(IntegrityError):
            connection.execute(text("INSERT INTO part VALUES (7)"))


def orphans(engine: Engine) -> None:
    for _ in range(3):
        orphan(engine)


@pytest.mark.parametrize("options", [{}, {"poolclass": NullPool}], ids=["pool", "no pool"])
def test_what_listeners_set_holds_in_every_test(
    lab: SqliteLaboratory, options: dict[str, Any]
) -> None:
    engine = lab.engine(**options)
    event.listen(engine, "connect", prepare)
    for number in range(3):
        with lab.test(f"test_{number}") as sandbox:
            lab.run(orphans, engine)
        assert sandbox.problems == []


def test_what_only_tunes_is_no_error_in_a_test(lab: SqliteLaboratory) -> None:
    def body(engine: Engine) -> object:
        with engine.connect() as connection:
            connection.execute(text("PRAGMA cache_size = -4000"))
            connection.rollback()
            connection.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            assert inspect(connection).get_table_names() == ["child", "counted", "item", "parent"]
            return connection.scalar(text("PRAGMA journal_mode = WAL"))

    assert lab.check(body) in {"delete", "wal"}


@pytest.mark.parametrize("pragma", ["foreign_keys = ON", "case_sensitive_like = 1"])
def test_what_would_outlive_a_test_is_refused(lab: SqliteLaboratory, pragma: str) -> None:
    def body(engine: Engine) -> None:
        with engine.connect() as connection:
            connection.execute(text(f"PRAGMA {pragma}"))

    engine = lab.engine()
    with lab.test() as sandbox:
        with pytest.raises(PragmaError) as raised:
            lab.run(body, engine)
        assert raised.value.pragma == pragma.partition(" ")[0]
        assert [limit.strategy for limit in sandbox.watch.met] == ["commit"]


def test_a_foreign_key_that_nobody_deferred_before(lab: SqliteLaboratory) -> None:
    def body(engine: Engine) -> None:
        with engine.connect() as connection:
            connection.execute(text("CREATE TABLE part (item_id int REFERENCES item)"))
            connection.commit()
            connection.execute(text("PRAGMA defer_foreign_keys = ON"))
            connection.execute(text("INSERT INTO part VALUES (7)"))
            with pytest.raises(IntegrityError):
                connection.commit()

    engine = lab.engine()
    event.listen(engine, "connect", prepare)
    with lab.test() as sandbox:
        lab.run(body, engine)
    assert sandbox.problems == []


def test_the_drivers_own_connection_is_in_the_test_too(file: Path) -> None:
    async def body() -> None:
        async with engine.connect() as connection:
            raw = await connection.get_raw_connection()
            driver: Any = raw.driver_connection
            await driver.execute("INSERT INTO item (id) VALUES (1)")
            await driver.commit()
            await driver.execute("INSERT INTO item (id) VALUES (2)")
            await driver.rollback()
            found = await connection.scalars(text("SELECT id FROM item"))
            assert found.all() == [1]

    with SqliteLaboratory("aiosqlite", file).open() as lab:
        engine = lab.async_engine()
        with lab.test() as sandbox:
            asyncio.run(body())
        assert sandbox.problems == []


def test_two_drivers_in_one_test_are_told(file: Path) -> None:
    with SqliteLaboratory("pysqlite", file).open() as lab:
        engine = lab.engine()
        other = SqliteLaboratory("aiosqlite", file)
        with lab.test() as sandbox:
            with engine.begin() as connection:
                connection.execute(text("INSERT INTO item (id) VALUES (1)"))
            with pytest.raises(SplitTransactionError):
                other.run(lambda one: one.connect().execute(select(1)), other.engine())
        assert len(sandbox.problems) == 1
