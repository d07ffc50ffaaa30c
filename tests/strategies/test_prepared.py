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
