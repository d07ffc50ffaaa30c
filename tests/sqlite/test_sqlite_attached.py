"""Files that an application attaches to its connections, and levels of isolation by PRAGMA."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, event, text

from pytest_oneloop.errors.sqlite import AttachError
from tools.sqlite_laboratory import SqliteLaboratory

if TYPE_CHECKING:
    from pathlib import Path

ROWS = text("SELECT id FROM other.book ORDER BY id")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A file of the application's, with one book in it."""
    path = tmp_path / "library" / "o'books.db"
    path.parent.mkdir()
    change(path, "CREATE TABLE book (id integer PRIMARY KEY); INSERT INTO book VALUES (1)")
    return path


def change(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)


def books(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [number for (number,) in connection.execute("SELECT id FROM book ORDER BY id")]


def attach(engine: Engine, path: Path, *, parameter: bool = False) -> None:
    """Attach a file to each connection of an engine, as applications do."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        if parameter:
            cursor.execute("ATTACH DATABASE ? AS other", (str(path),))
        else:
            cursor.execute(f"ATTACH '{str(path).replace(chr(39), chr(39) * 2)}' AS other")
        cursor.close()


def add(engine: Engine) -> list[int]:
    """Write by one connection, and read by another one beside it."""
    with engine.connect() as first, engine.connect() as second:
        first.execute(text("INSERT INTO other.book VALUES (2)"))
        first.execute(text("INSERT INTO item (id) VALUES (2)"))
        first.commit()
        return list(second.scalars(ROWS))


@pytest.mark.parametrize("parameter", [False, True], ids=["literal", "parameter"])
def test_what_is_written_to_an_attached_file_goes_with_the_test(
    lab: SqliteLaboratory, library: Path, *, parameter: bool
) -> None:
    engine = lab.engine()
    attach(engine, library, parameter=parameter)
    for number in range(3):
        with lab.test(f"test_{number}") as sandbox:
            assert lab.run(add, engine) == [1, 2]
        assert sandbox.problems == []
    assert books(library) == [1]


def test_without_the_sandbox_it_stays(file: Path, library: Path) -> None:
    lab = SqliteLaboratory("pysqlite", file, sandboxed=False)
    engine = lab.engine()
    attach(engine, library)
    assert add(engine) == [1, 2]
    engine.dispose()
    assert books(library) == [1, 2]
    lab.change("DELETE FROM item")


def test_neither_a_lock_on_the_file_nor_its_end_matters(
    lab: SqliteLaboratory, library: Path
) -> None:
    engine = lab.engine()
    attach(engine, library)
    with closing(sqlite3.connect(library)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with lab.test() as sandbox:
            assert lab.run(add, engine) == [1, 2]
        assert sandbox.problems == []
    library.unlink()
    with lab.test("test_more") as sandbox:
        assert lab.run(add, engine) == [1, 2]
    assert sandbox.problems == []
    assert not library.exists()


def test_a_file_that_is_not_there_is_empty_in_the_test(
    lab: SqliteLaboratory, tmp_path: Path
) -> None:
    def body(engine: Engine) -> None:
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE other.book (id integer PRIMARY KEY)"))

    engine = lab.engine()
    attach(engine, tmp_path / "new.db")
    for number in range(2):
        with lab.test(f"test_{number}") as sandbox:
            lab.run(body, engine)
        assert sandbox.problems == []
    assert not (tmp_path / "new.db").exists()


def test_two_files_of_one_name_are_refused(lab: SqliteLaboratory, library: Path) -> None:
    first, second = lab.engine(), lab.engine()
    attach(first, library)
    attach(second, library.with_name("more.db"))

    def body() -> None:
        assert add(first) == [1, 2]
        with pytest.raises(AttachError) as raised:
            add(second)
        error = raised.value
        place = error.place
        assert str(error) == (
            f"OL222: in test_it: {place} attaches {library.with_name('more.db')} as other. All "
            "connections of the test are one, and another file is attached to it under that "
            "name.\n"
            "  Likely cause: two engines, each with a listener of `connect` that attaches a file "
            "of its own\n"
            "  What to do: nothing, under `auto`: the test is run again on a real database. To go "
            'there at once, mark it: `@pytest.mark.oneloop(strategy="commit")`'
        )

    with lab.test() as sandbox:
        lab.run(body)
    assert [limit.reason for limit in sandbox.watch.met] == [
        "each connection has its own files attached"
    ]


def test_what_a_test_attaches_does_not_outlive_it(lab: SqliteLaboratory, library: Path) -> None:
    def body(engine: Engine) -> list[int]:
        with engine.connect() as connection:
            connection.execute(text("ATTACH :path AS other"), {"path": str(library)})
            return list(connection.scalars(ROWS))

    engine = lab.engine()
    for number in range(2):
        with lab.test(f"test_{number}") as sandbox:
            assert lab.run(body, engine) == [1]
        assert [limit.strategy for limit in sandbox.watch.met] == ["commit"]


def test_levels_are_each_connections_own(lab: SqliteLaboratory) -> None:
    def body(engine: Engine) -> None:
        with engine.connect() as first, engine.connect() as second:
            assert first.get_isolation_level() == "SERIALIZABLE"
            first.rollback()
            first.execution_options(isolation_level="READ UNCOMMITTED")
            assert first.get_isolation_level() == "READ UNCOMMITTED"
            assert second.get_isolation_level() == "SERIALIZABLE"
        with engine.connect() as connection:
            assert connection.get_isolation_level() == "SERIALIZABLE"

    lab.check(body)


def test_an_engine_has_a_level_of_its_own(lab: SqliteLaboratory) -> None:
    def body(engine: Engine) -> str:
        with engine.connect() as connection:
            return connection.get_isolation_level()

    assert lab.check(body, isolation_level="READ UNCOMMITTED") == "READ UNCOMMITTED"
    assert lab.check(body) == "SERIALIZABLE"


def test_what_a_test_attaches_is_a_copy(lab: SqliteLaboratory, library: Path) -> None:
    def body(engine: Engine, new: Path, most: int) -> None:
        with engine.connect() as connection:
            connection.execute(text(f"ATTACH '{new}' AS more"))
            connection.execute(text("CREATE TABLE more.book (id integer)"))
            connection.execute(text("ATTACH :path AS other"), {"path": str(library)})
            connection.execute(text("INSERT INTO other.book VALUES (7)"))
            connection.commit()
            assert list(connection.scalars(ROWS)) == [*range(1, most + 1), 7]

    engine = lab.engine()
    for number in (2, 3):
        change(library, f"INSERT INTO book VALUES ({number})")  # the test's own file
        new = library.with_name("new.db")
        with closing(sqlite3.connect(library)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with lab.test(f"test_{number}") as sandbox:
                lab.run(body, engine, new, number)
            assert sandbox.problems == []
        assert not new.exists()
        assert books(library) == [*range(1, number + 1)]
