"""What a fixture of a wider scope writes is there for its scope, under every strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.errors.sandbox import ScopedRowsWarning
from tools.projects import notes

if TYPE_CHECKING:
    from pathlib import Path

HELPERS = """
import pytest
import pytest_asyncio
from notes import Note, engine, new_session
from sqlalchemy import select


async def add(text):
    async with new_session() as session:
        note = Note(text=text)
        session.add(note)
        await session.commit()
        return note.id


async def texts():
    async with new_session() as session:
        return list(await session.scalars(select(Note.text).order_by(Note.id)))


log = []

"""

SCOPES = """
@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def of_the_session():
    log.append("session")
    await add("session")
    yield
    log.append("-session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def of_the_module(of_the_session):
    log.append("module")
    await add("module")
    yield
    log.append("-module")


@pytest_asyncio.fixture(scope="class", loop_scope="session")
async def of_the_class(of_the_module):
    await add("class")
    yield
"""

TESTS = """
async def test_before():
    assert await texts() == []
    assert await add("mine") == 1


async def test_session(of_the_session):
    assert await texts() == ["session"]
    assert await add("mine") == 2


class TestClass:
    @pytest.mark.parametrize("number", range(2))
    async def test_it(self, of_the_class, number):
        assert await texts() == ["session", "module", "class"]
        assert await add("mine") == 4


@pytest.mark.parametrize("number", range(2))
async def test_module(of_the_module, number):
    assert await texts() == ["session", "module"]
    assert await add("mine") == 3
"""

ALTERNATING = """
@pytest.mark.oneloop(strategy="{strategy}")
async def test_on_a_real_database(of_the_module):
    assert await texts() == ["session", "module"]
    assert await add("mine") == 3


@pytest.mark.parametrize("number", range(2))
async def test_afterwards(of_the_module, number):
    assert await texts() == ["session", "module"]
    assert await add("mine") == 3


def test_how_often():
    assert log == ["session", "module", {again} "-module", "-session", "session", "module"]
"""


@pytest.mark.parametrize("strategy", ["auto", "rollback", "commit", "clone"])
def test_every_scope_under_every_strategy(tmp_path: Path, strategy: str) -> None:
    project = notes(tmp_path)
    project.write({"test_notes.py": HELPERS + SCOPES + TESTS})

    finished = project.run("-W", "error", f"--oneloop-strategy={strategy}")

    assert finished.counts == {"passed": 6}, finished.output


@pytest.mark.parametrize("strategy", ["commit", "clone"])
def test_a_test_on_a_real_database_gets_them_too(tmp_path: Path, strategy: str) -> None:
    project = notes(tmp_path)
    again = '"-module", "-session", "session", "module",'
    tests = ALTERNATING.format(strategy=strategy, again=again)
    project.write({"test_notes.py": HELPERS + SCOPES + TESTS + tests})

    finished = project.run("-W", "error")

    assert finished.counts == {"passed": 10}, finished.output


def test_in_the_sandbox_a_fixture_is_set_up_once(tmp_path: Path) -> None:
    project = notes(tmp_path)
    once = 'def test_how_often():\n    assert log == ["session", "module"]\n'
    project.write({"test_notes.py": HELPERS + SCOPES + TESTS + once})

    finished = project.run("-W", "error")

    assert finished.counts == {"passed": 7}, finished.output


def test_tests_on_other_loops_move_to_a_real_database(tmp_path: Path) -> None:
    project = notes(tmp_path)
    project.write({"test_notes.py": HELPERS + SCOPES + TESTS})
    on_loops_of_their_own = ("-o", "asyncio_default_test_loop_scope=function")

    refused = project.run(*on_loops_of_their_own, "--oneloop-strategy=rollback")
    finished = project.run("-W", "error", *on_loops_of_their_own)

    assert refused.counts["passed"] < finished.counts["passed"]
    assert "OL203" in refused.output
    assert finished.counts == {"passed": 6}, finished.output


LATE = """
from sqlalchemy import create_engine, text

sync = create_engine("postgresql+psycopg://nobody@database.invalid/none")


def add_now(words):
    with sync.begin() as connection:
        connection.execute(text("INSERT INTO notes (text) VALUES (:words)"), {"words": words})


def there():
    with sync.connect() as connection:
        return list(connection.execute(text("SELECT text FROM notes ORDER BY id")).scalars())


@pytest.fixture(scope="module")
def of_the_module():
    log.append("module")
    add_now("module")


@pytest.fixture(scope="session", params=["one", "two"])
def of_the_session(request):
    add_now(request.param)
    return request.param


def test_asked_for_late(request):
    add_now("mine")
    request.getfixturevalue("of_the_module")
    assert there() == ["mine", "module"]


def test_asked_for_again(of_the_module):
    assert there() == ["module"]
    assert log == ["module", "module"]


def test_with_parameters(of_the_session):
    assert there() in ([of_the_session], ["module", of_the_session], [of_the_session, "module"])
    add_now("mine")


def test_with_parameters_again(of_the_session):
    assert there() in ([of_the_session], ["module", of_the_session], [of_the_session, "module"])
    add_now("mine")


@pytest.fixture(scope="class")
def of_the_class():
    add_now("class")


@pytest.fixture(scope="session")
def newest():
    log.append("newest")
    add_now("newest")


class TestOlder:
    def test_the_class_comes_first(self, of_the_class):
        assert "class" in there()

    def test_then_a_longer_lived_one(self, of_the_class, request):
        request.getfixturevalue("newest")
        assert {"class", "newest"} <= set(there())


@pytest.mark.parametrize("number", range(2))
def test_it_outlives_the_class(request, number):
    request.getfixturevalue("newest")
    assert "class" not in there()
    assert there().count("newest") == 1
    assert log.count("newest") == 2
"""


def test_at_any_order(tmp_path: Path) -> None:
    project = notes(tmp_path)
    project.write({"test_notes.py": HELPERS + LATE})

    finished = project.run("-W", "error", "-p", "no:randomly")

    assert finished.counts == {"passed": 10}, finished.output


OPEN = """
@pytest_asyncio.fixture(scope="{scope}", loop_scope="session")
async def a_note():
    async with new_session() as session:
        {work}
        yield
        await session.rollback()


@pytest.mark.parametrize("number", range(2))
async def test_it_is_there(a_note, number):
    assert await texts() == {there}
"""


def test_a_transaction_that_is_left_open(tmp_path: Path) -> None:
    project = notes(tmp_path)
    work = 'session.add(Note(text="hello")); await session.flush()'
    tests = OPEN.format(scope="session", work=work, there=["hello"])
    project.write({"test_notes.py": HELPERS + tests})

    finished = project.run("--oneloop-strategy=rollback")

    warning = ScopedRowsWarning(
        fixture="a_note", scope="session", test="test_notes.py::test_it_is_there[0]"
    )
    told = "\n".join(f"  {line}" for line in f"ScopedRowsWarning: {warning}".splitlines())
    assert told.strip() in finished.output
    assert finished.counts["passed"] == 2, finished.output


def test_a_fixture_that_only_reads_is_told_nothing(tmp_path: Path) -> None:
    project = notes(tmp_path)
    tests = OPEN.format(scope="session", work="await texts()", there=[])
    project.write({"test_notes.py": HELPERS + tests})

    finished = project.run("-W", "error")

    assert finished.counts == {"passed": 2}, finished.output
