"""What outlives a transaction ends with its test: locks of a session, and what it has prepared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

if TYPE_CHECKING:
    from tools.laboratory import Laboratory

LOCK = {
    "postgresql": "SELECT pg_advisory_lock(5)",
    "mysql": "SELECT GET_LOCK('five', 5)",
}
UNLOCK = {
    "postgresql": "SELECT pg_advisory_unlock(5)",
    "mysql": "SELECT RELEASE_LOCK('five')",
}
HIDDEN = "DO $$ BEGIN PERFORM pg_advisory_lock(5); END $$"
PREPARE = "PREPARE pp AS SELECT 1"
PREPARED = "SELECT count(*) FROM pg_prepared_statements WHERE from_sql"


def values(lab: Laboratory, *statements: str) -> list[object]:
    """Run statements, each in a test of its own; return the value of each that gives one."""
    engine = lab.engine()

    def value(sql: str) -> object:
        with lab.test(), engine.connect() as connection:
            result = connection.execute(text(sql))
            return result.scalar() if result.returns_rows else None

    def run() -> list[object]:
        try:
            return [value(sql) for sql in statements]
        finally:
            engine.dispose()

    return lab.run(run)


@pytest.mark.needs("session_statements")
def test_a_statement_of_prepare_ends_with_its_test(lab: Laboratory) -> None:
    assert values(lab, PREPARE, PREPARED, PREPARE, PREPARED) == [None, 0, None, 0]


@pytest.mark.needs("session_statements")
def test_it_stays_without_the_sandbox(bare_lab: Laboratory) -> None:
    assert values(bare_lab, PREPARE, PREPARED) == [None, 1]


@pytest.mark.needs("session_locks")
def test_a_lock_of_the_session_ends_with_its_test(lab: Laboratory) -> None:
    lock, unlock = LOCK[lab.dialect], UNLOCK[lab.dialect]
    assert not any(values(lab, lock, unlock)[1:])


@pytest.mark.needs("session_locks", "session_statements")
def test_so_does_a_lock_that_no_text_shows(lab: Laboratory) -> None:
    assert values(lab, HIDDEN, UNLOCK["postgresql"]) == [None, False]


@pytest.mark.needs("session_locks")
def test_the_lock_stays_without_the_sandbox(bare_lab: Laboratory) -> None:
    lock, unlock = LOCK[bare_lab.dialect], UNLOCK[bare_lab.dialect]
    assert values(bare_lab, lock, unlock)[1]
