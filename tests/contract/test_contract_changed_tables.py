"""Tables that the application changes, through every driver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from tools.item_rows import add, serve_many_tests

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.laboratory import Laboratory


def ddl(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE item ADD COLUMN extra int DEFAULT 7"))
        add(connection, 1)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT * FROM item")).all() == [(1, "item 1", 7)]
        connection.execute(text("ALTER TABLE item DROP COLUMN extra"))


BODIES = [pytest.param(ddl, marks=pytest.mark.needs("transactional_ddl"))]


@pytest.mark.parametrize("body", BODIES)
def test_transactions(lab: Laboratory, body: Callable[[Engine], None]) -> None:
    lab.check(body)


@pytest.mark.parametrize("body", BODIES)
def test_one_engine_serves_many_tests(lab: Laboratory, body: Callable[[Engine], None]) -> None:
    serve_many_tests(lab, body)


@pytest.mark.needs("altered_columns")
def test_a_changed_table_is_read_as_it_was_in_the_next_test(lab: Laboratory) -> None:
    """What drivers have cached of the statement is of a shape that was rolled back."""

    def read(engine: Engine) -> list[tuple[Any, ...]]:
        with engine.connect() as connection:
            for _ in range(8):  # so that drivers prepare it
                rows = connection.execute(text("SELECT * FROM item")).all()
            return [tuple(row) for row in rows]

    def change(engine: Engine) -> None:
        with engine.begin() as connection:
            add(connection, 1)
        assert read(engine) == [(1, "item 1")]
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE item ALTER COLUMN name TYPE int USING 5"))
        with pytest.raises(ProgrammingError), engine.begin() as connection:
            connection.execute(text("SELECT nothing FROM item"))
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE item ADD COLUMN extra int"))

    engine = lab.engine()
    with lab.test():
        lab.run(change, engine)
    with lab.test() as sandbox:
        assert lab.run(read, engine) == []
        with_row = lab.run(add_and_read, engine)
    assert with_row == [(1, "item 1")]
    assert sandbox.problems == []


def add_and_read(engine: Engine) -> list[tuple[Any, ...]]:
    with engine.begin() as connection:
        add(connection, 1)
        return [tuple(row) for row in connection.execute(text("SELECT * FROM item")).all()]
