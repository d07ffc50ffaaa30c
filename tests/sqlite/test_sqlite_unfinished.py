"""Statements of which a test has read some rows, and the tests after it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine

from pytest_oneloop.sandbox.drivers.aiosqlite import AiosqliteDriver
from pytest_oneloop.sandbox.drivers.pysqlite import PysqliteDriver
from tools import projects
from tools.sqlite_laboratory import SqliteLaboratory

if TYPE_CHECKING:
    from pathlib import Path

    from tools.projects import Project

HALF = "INSERT INTO item (name) VALUES ('a'), ('b'), ('c') RETURNING id"

TESTS = """
import pytest
from sqlalchemy import create_engine, text


def new():
    return create_engine("sqlite:///shop.db")


def test_reads_one_of_three():
    with new().connect() as connection:
        found = connection.exec_driver_sql(
            "INSERT INTO notes (text) VALUES ('1'), ('2'), ('3') RETURNING id"
        )
        assert found.fetchone() == (1,)
        connection.commit()


@pytest.mark.parametrize("number", [1, 2])
def test_next(number):
    with new().begin() as connection:
        connection.execute(text("INSERT INTO notes (text) VALUES ('q')"))
    with new().connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM notes")) == 1


@pytest.mark.oneloop(strategy="commit")
def test_commits():
    test_next(3)


@pytest.mark.oneloop(strategy="clone")
def test_clones():
    test_next(4)
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = projects.notes(
        tmp_path / "project",
        ONELOOP_CACHE_DIR=str(tmp_path / "cache"),
        NOTES_URL="sqlite+aiosqlite://",
    )
    made.write({"test_notes.py": TESTS})
    return made


@pytest.mark.parametrize("strategy", ["rollback", "commit", "clone", "auto"])
def test_the_tests_after_it_pass(project: Project, strategy: str) -> None:
    # The first fails as it does on SQLite alone.
    done = project.run(f"--oneloop-strategy={strategy}")
    assert done.counts == {"passed": 4, "failed": 1}, done.output
    assert "SQL statements in progress" in done.output
    assert "Traceback" not in done.output, done.output
    assert "interrupted" not in done.output, done.output


def is_locked(file: Path) -> bool:
    with closing(sqlite3.connect(file, timeout=0)) as other:
        try:
            other.execute("INSERT INTO item (name) VALUES ('other')")
        except sqlite3.OperationalError:
            return True
    return False


def refuse(*_: object) -> int:
    return sqlite3.SQLITE_DENY


def test_a_close_alone_leaves_the_lock(file: Path) -> None:
    real = sqlite3.connect(file)
    cursor = real.execute(HALF)
    assert cursor.fetchone() == (1,)
    real.close()
    assert is_locked(file)
    del cursor
    assert not is_locked(file)


@pytest.mark.parametrize("sandboxed", [True, False], ids=["sandbox", "sqlite"])
def test_a_commit_of_what_is_half_read_is_refused(file: Path, *, sandboxed: bool) -> None:
    with SqliteLaboratory("pysqlite", file, sandboxed=sandboxed).open() as lab:
        engine = lab.engine()
        with lab.test() as sandbox, engine.connect() as connection:
            found = connection.exec_driver_sql(HALF)
            assert found.fetchone() == (1,)
            with pytest.raises(OperationalError, match="SQL statements in progress"):
                connection.commit()
            connection.rollback()
            connection.connection.rollback()  # SQLAlchemy believes that nothing was left to do
            assert connection.scalar(text("SELECT count(*) FROM item")) == 0
            found = connection.exec_driver_sql(HALF)
            assert found.fetchone() == (1,)
            with pytest.raises(OperationalError, match="SQL statements in progress"):
                connection.commit()
            assert found.fetchall() == [(2,), (3,)]
            connection.rollback()
            connection.exec_driver_sql("DELETE FROM item")
            connection.commit()
            half = connection.exec_driver_sql("SELECT 1 UNION SELECT 2")
            assert half.fetchone() == (1,)
            connection.commit()
            assert half.fetchall() == [(2,)]
        assert sandbox.problems == []
        engine.dispose()


@pytest.mark.parametrize("way", ["abandon", "close"])
@pytest.mark.parametrize("statement", [HALF, "SELECT 1 UNION SELECT count(*) FROM item", "blob"])
def test_pysqlite_closes_though_somebody_has_the_cursor(
    file: Path, way: str, statement: str
) -> None:
    real = sqlite3.connect(file, check_same_thread=False)
    held: Any
    if statement == "blob":
        real.execute("INSERT INTO item (id, name) VALUES (1, zeroblob(3))")
        held = real.blobopen("item", "name", 1)
    else:
        held = real.execute(statement)
        assert held.fetchone()
    real.set_authorizer(refuse)
    driver = PysqliteDriver(real)
    getattr(driver, way)()
    assert driver.is_closed()
    assert not is_locked(file)
    del held


@pytest.mark.parametrize("way", ["abandon", "close"])
def test_aiosqlite_closes_though_somebody_has_the_cursor(file: Path, way: str) -> None:
    async def body() -> None:
        engine = create_async_engine(
            f"sqlite+aiosqlite:///{file}", connect_args={"check_same_thread": False}
        )
        async with engine.connect() as connection:
            raw = await connection.get_raw_connection()
            own: Any = raw.driver_connection
            cursor = await own.execute(HALF)
            assert await cursor.fetchone() == (1,)
            driver = AiosqliteDriver(raw.dbapi_connection)
            assert is_locked(file)
            if way == "abandon":
                await asyncio.to_thread(driver.abandon)
            else:
                await connection.run_sync(lambda _: driver.close())
            assert driver.is_closed()
            assert not is_locked(file)
            await connection.invalidate()
        await engine.dispose()

    asyncio.run(body())


def test_what_a_thread_still_runs_is_broken_off(file: Path) -> None:
    real = sqlite3.connect(file, check_same_thread=False)
    runs, ended = threading.Event(), threading.Event()
    real.create_function("runs", 0, runs.set)

    def work() -> None:
        # It never ends by itself. Whether it raises, and what, depends on how far the close has
        # come: there is nobody to ask any more.
        with suppress(sqlite3.Error, MemoryError):
            real.execute(
                "WITH RECURSIVE r(i) AS (SELECT runs() UNION ALL SELECT 1 FROM r)"
                " SELECT count(*) FROM r"
            )
        ended.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert runs.wait(10)
    driver = PysqliteDriver(real)
    driver.abandon()
    thread.join(10)
    assert ended.is_set()
    assert driver.is_closed()
