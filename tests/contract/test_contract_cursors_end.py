"""A cursor on the server that its reader has left open ends with its reader's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.laboratory import Laboratory

pytestmark = pytest.mark.needs("transactional_ddl")

NUMBERS = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 500)"
MADE = f"CREATE TABLE passing AS {NUMBERS} SELECT n FROM s"
STREAM = {"yield_per": 2}


def after_a_commit(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text(MADE))
        rows = connection.execution_options(**STREAM).execute(text("SELECT n FROM passing"))
        assert rows.fetchmany(2) == [(1,), (2,)]
        rows.close()
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE passing"))


def after_a_rollback(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text(MADE))
    with engine.connect() as connection:
        rows = connection.execution_options(**STREAM).execute(text("SELECT n FROM passing"))
        assert rows.fetchmany(2) == [(1,), (2,)]
        rows.close()
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE passing"))


def after_both_readers(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text(MADE))
    with engine.connect() as one, engine.connect() as other:
        rows = one.execution_options(**STREAM).execute(text("SELECT n FROM passing"))
        others = other.execution_options(**STREAM).execute(text("SELECT n FROM passing"))
        assert rows.fetchmany(2) == [(1,), (2,)]
        rows.close()
        one.rollback()
        assert len(others.all()) == 500
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE passing"))


BODIES = [after_a_commit, after_a_rollback, after_both_readers]


@pytest.mark.parametrize("body", BODIES)
def test_a_table_can_be_dropped_that_was_read_by_a_stream(
    lab: Laboratory, body: Callable[[Engine], None]
) -> None:
    lab.check(body)


@pytest.mark.parametrize("body", BODIES)
def test_it_can_without_the_sandbox(bare_lab: Laboratory, body: Callable[[Engine], None]) -> None:
    bare_lab.check(body)
