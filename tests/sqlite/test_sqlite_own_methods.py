"""The methods of the drivers' own connections: what a test sets by them, and backups."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DatabaseError

from pytest_oneloop.errors.sqlite import BackupError
from tools import projects
from tools.sqlite_laboratory import SqliteLaboratory

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncEngine

BUSY = (
    "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 100000)"
    " SELECT count(*) FROM r"
)


def stop(own: Any) -> Any:
    return own.set_progress_handler(lambda: 1, 1000)


def forbid(own: Any) -> Any:
    return own.set_authorizer(
        lambda action, *_: (
            sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_FUNCTION else sqlite3.SQLITE_OK
        )
    )


def redefine(own: Any) -> Any:
    return own.create_function("count", 1, lambda _: 7)


def as_bytes(own: Any) -> None:
    own.text_factory = bytes


def forbid_all(own: Any) -> Any:
    return own.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)


SETTINGS = {
    "progress handler": stop,
    "authorizer": forbid,
    "function": redefine,
    "text factory": as_bytes,
}


def look(connection: Connection) -> list[Any]:
    """Return what each of them would change; an error in place of what it forbids."""
    found: list[Any] = []
    for sql in (BUSY, "SELECT count(NULL)", "SELECT 'text'"):
        try:
            found.append(connection.scalar(text(sql)))
        except DatabaseError as error:
            found.append(str(error.orig))
    return found


USUAL = [100000, 0, "text"]


@pytest.mark.parametrize(
    "setting", [*SETTINGS.values(), forbid_all], ids=[*SETTINGS, "authorizer of all"]
)
def test_what_a_test_sets_ends_with_it(file: Path, setting: Callable[[Any], Any]) -> None:
    with SqliteLaboratory("pysqlite", file).open() as lab:
        engine = lab.engine()
        with lab.test("test_before"), engine.connect() as connection:
            assert look(connection) == USUAL
        with lab.test("test_sets"), engine.connect() as connection:
            setting(connection.connection.driver_connection)
            assert look(connection) != USUAL
        assert lab.router.connections == 1
        for name in ("test_next", "test_after"):
            with lab.test(name) as sandbox, engine.connect() as connection:
                assert look(connection) == USUAL
            assert sandbox.problems == []
        # It cost one more connection, and the tests after it nothing.
        assert lab.router.connections == 2


@pytest.mark.parametrize("way", ["driver's connection", "run_async"])
@pytest.mark.parametrize("setting", list(SETTINGS.values()), ids=list(SETTINGS))
def test_the_same_by_aiosqlite(file: Path, setting: Callable[[Any], Any], way: str) -> None:
    async def work(own: Any) -> None:
        setting_up = setting(own)
        if setting_up is not None:
            await setting_up

    async def sets(engine: AsyncEngine) -> list[Any]:
        async with engine.connect() as connection:
            raw = await connection.get_raw_connection()
            if way == "run_async":
                dbapi: Any = raw.dbapi_connection
                await connection.run_sync(lambda _: dbapi.run_async(work))
            else:
                await work(raw.driver_connection)
            return await connection.run_sync(look)

    async def looks(engine: AsyncEngine) -> list[Any]:
        async with engine.connect() as connection:
            return await connection.run_sync(look)

    with SqliteLaboratory("aiosqlite", file).open() as lab, asyncio.Runner() as runner:
        engine = lab.async_engine()
        with lab.test("test_sets"):
            assert runner.run(sets(engine)) != USUAL
        for name in ("test_next", "test_after"):
            with lab.test(name) as sandbox:
                assert runner.run(looks(engine)) == USUAL
            assert sandbox.problems == []
        assert lab.router.connections == 2


def read_only_use(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("INSERT INTO item (id, name) VALUES (1, 'one')"))
        connection.commit()
        own: Any = connection.connection.driver_connection
        assert own.total_changes >= 1
        assert own.execute("SELECT name FROM item").fetchall() == [("one",)]
        assert any("one" in line for line in own.iterdump())
        own.create_function("twice", 1, twice)


def twice(number: int) -> int:
    return 2 * number


def test_what_listeners_set_and_what_sets_nothing_costs_no_connection(file: Path) -> None:
    def prepare(connection: Any, _record: object) -> None:
        connection.create_function("twice", 1, twice)
        connection.create_collation("backwards", lambda one, other: (one < other) - (one > other))

    with SqliteLaboratory("pysqlite", file).open() as lab:
        engine = lab.engine()
        event.listen(engine, "connect", prepare)
        for number in range(3):
            with lab.test(f"test_{number}") as sandbox:
                read_only_use(engine)
            assert sandbox.problems == []
        assert lab.router.connections == 1


def test_a_backup_is_refused(file: Path) -> None:
    with SqliteLaboratory("pysqlite", file).open() as lab:
        engine = lab.engine()
        with lab.test() as sandbox, engine.connect() as connection:
            connection.execute(text("INSERT INTO item (id) VALUES (1)"))
            own: Any = connection.connection.driver_connection
            with closing(sqlite3.connect(":memory:")) as target, pytest.raises(BackupError) as got:
                own.backup(target)
            assert Path(__file__).name in got.value.place
            assert sandbox.problems == [got.value]
            assert [limit.strategy for limit in sandbox.watch.met] == ["commit"]


def test_a_backup_is_refused_in_aiosqlite(file: Path) -> None:
    async def body() -> BackupError:
        async with lab.async_engine().connect() as connection:
            await connection.execute(text("INSERT INTO item (id) VALUES (1)"))
            own: Any = (await connection.get_raw_connection()).driver_connection
            with closing(sqlite3.connect(":memory:")) as target, pytest.raises(BackupError) as got:
                await own.backup(target)
            return got.value

    with SqliteLaboratory("aiosqlite", file).open() as lab:
        with lab.test() as sandbox:
            error = asyncio.run(body())
        assert sandbox.problems == [error]


def test_a_listener_may_make_a_backup(file: Path) -> None:
    def keep(connection: Any, _record: object) -> None:
        connection.backup(target)

    with SqliteLaboratory("pysqlite", file).open() as lab:
        engine = lab.engine()
        event.listen(engine, "connect", keep)
        with closing(sqlite3.connect(":memory:")) as target:
            with lab.test(), engine.connect() as connection:
                assert connection.scalar(text("SELECT 1")) == 1
            assert target.execute("SELECT * FROM item").fetchall() == []


BACKUPS = """
import asyncio
import sqlite3
from contextlib import closing

from sqlalchemy import create_engine, text

from notes import engine


def test_sync():
    with create_engine("sqlite:///shop.db").connect() as connection:
        connection.execute(text("INSERT INTO notes (text) VALUES ('kept')"))
        connection.commit()
        with closing(sqlite3.connect(":memory:")) as target:
            connection.connection.driver_connection.backup(target)
            assert target.execute("SELECT text FROM notes").fetchall() == [("kept",)]


async def test_async():
    async with engine.connect() as connection:
        await connection.execute(text("INSERT INTO notes (text) VALUES ('kept')"))
        await connection.commit()
        own = (await connection.get_raw_connection()).driver_connection
        with closing(sqlite3.connect(":memory:", check_same_thread=False)) as target:
            await own.backup(target)
            assert target.execute("SELECT text FROM notes").fetchall() == [("kept",)]
"""


def test_auto_makes_backups_on_a_real_database(tmp_path: Path) -> None:
    project = projects.notes(
        tmp_path / "project",
        ONELOOP_CACHE_DIR=str(tmp_path / "cache"),
        NOTES_URL="sqlite+aiosqlite://",
    )
    project.write({"test_notes.py": BACKUPS})
    done = project.run()
    assert done.counts == {"passed": 2}, done.output
    assert done.output.count("ran under commit: a backup copies what is committed") == 2
    refused = project.run("--oneloop-strategy=rollback")
    assert refused.counts == {"failed": 2}, refused.output
    for name in ("test_sync", "test_async"):
        assert f"OL223: in test_notes.py::{name}: test_notes.py:" in refused.output
