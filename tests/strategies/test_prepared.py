"""What a test prepares, a statement or a transaction, is met by no other test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tools.projects import Project

pytestmark = pytest.mark.server

STATEMENTS = """
import pytest
from sqlalchemy import create_engine, text

from notes import engine

NOWHERE = "nobody@nowhere.invalid/nothing"
PREPARE = text("PREPARE pp AS SELECT 1")
PREPARED = text("SELECT count(*) FROM pg_prepared_statements WHERE from_sql")
DRIVERS = ("psycopg", "psycopg2")
ENGINES = {name: create_engine(f"postgresql+{name}://{NOWHERE}") for name in DRIVERS}


@pytest.mark.parametrize("time", [1, 2])
async def test_asyncpg(time):
    async with engine.connect() as connection:
        assert await connection.scalar(PREPARED) == 0
        await connection.execute(PREPARE)


@pytest.mark.parametrize("time", [1, 2])
@pytest.mark.parametrize("driver", ENGINES)
def test_synchronous(driver, time):
    with ENGINES[driver].connect() as connection:
        assert connection.scalar(PREPARED) == 0
        connection.execute(PREPARE)
"""


@pytest.mark.parametrize("strategy", ["auto", "commit", "clone", "rollback"])
def test_a_statement_ends_with_its_test(project: Project, strategy: str) -> None:
    project.write({"test_it.py": STATEMENTS})
    done = project.run(f"--oneloop-strategy={strategy}", "-pno:randomly", "test_it.py")
    assert done.counts == {"passed": 6}, done.output


SHARED = """

@pytest.fixture(scope="session", autouse=True)
def rows():
    with ENGINES["psycopg"].begin() as connection:
        connection.execute(text("INSERT INTO notes (text) VALUES ('shared')"))
"""


def test_it_does_where_tests_share_rows(project: Project) -> None:
    project.write({"test_it.py": STATEMENTS + SHARED})
    options = ("--oneloop-strategy=rollback", "-pno:randomly", "-k", "psycopg and not psycopg2")
    done = project.run(*options, "test_it.py")
    assert done.counts == {"passed": 2, "deselected": 4}, done.output


TRANSACTIONS = """
import pytest
from sqlalchemy import create_engine, text

HELD = []
INSERT = text("INSERT INTO notes (text) VALUES ('prepared')")
LEFT = text("SELECT gid FROM pg_prepared_xacts")
NOWHERE = "nobody@nowhere.invalid/nothing"
DRIVERS = ("psycopg", "psycopg2")
ENGINES = {name: create_engine(f"postgresql+{name}://{NOWHERE}") for name in DRIVERS}


@pytest.mark.parametrize("driver", ENGINES)
@pytest.mark.parametrize("time", [1, 2, 3])
def test_two_phases(driver, time):
    connection = ENGINES[driver].connect()
    assert connection.scalar(LEFT) is None
    connection.rollback()
    transaction = connection.begin_twophase("transfer-17")
    connection.execute(INSERT)
    transaction.prepare()
    HELD.append((connection, transaction))


@pytest.mark.parametrize("time", [1, 2])
def test_text(time):
    with ENGINES["psycopg"].connect() as connection:
        assert connection.scalar(LEFT) is None
        connection.execute(INSERT)
        connection.execute(text("PREPARE TRANSACTION 'by-text'"))


def test_nothing_is_left():
    with ENGINES["psycopg"].connect() as connection:
        assert connection.scalar(LEFT) is None
        assert connection.scalar(text("SELECT count(*) FROM notes")) == 0
"""


@pytest.mark.parametrize("strategy", ["clone", "commit"])
def test_a_transaction_is_rolled_back_and_named(project: Project, strategy: str) -> None:
    project.write({"test_it.py": TRANSACTIONS})
    done = project.run(f"--oneloop-strategy={strategy}", "-pno:randomly", "test_it.py")
    assert done.counts["passed"] == 9, done.output
    said = " ".join(done.output.split())
    assert said.count("the prepared transaction 'transfer-17' was not ended") == 6, done.output
    assert said.count("the prepared transaction 'by-text' was not ended") == 2, done.output
