"""Many rows in one statement, and rows that are streamed, through every driver."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, select, text

from tools.item_rows import ITEM, add, leak, serve_many_tests, stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.laboratory import Laboratory


def executemany(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(ITEM.insert(), [{"id": n, "name": "x"} for n in range(300)])
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO item VALUES (:id, 'y')"), [{"id": n} for n in range(300, 310)]
        )
    assert stored(engine) == list(range(310))


def returning(engine: Engine) -> None:
    with engine.begin() as connection:
        found = connection.execute(
            ITEM.insert().returning(ITEM.c.id, sort_by_parameter_order=True),
            [{"id": n, "name": "x"} for n in range(50)],
        )
        assert found.scalars().all() == list(range(50))
    assert stored(engine) == list(range(50))


def streaming(engine: Engine) -> None:
    with engine.begin() as connection:
        add(connection, *range(25))
    with engine.connect() as connection:
        streamed = connection.execution_options(stream_results=True, max_row_buffer=5)
        assert len(streamed.execute(select(ITEM)).all()) == 25
        rows = connection.execute(
            select(ITEM.c.id).order_by(ITEM.c.id), execution_options={"yield_per": 4}
        )
        assert list(rows.scalars()) == list(range(25))


def several_streams_at_once(engine: Engine) -> None:
    with engine.begin() as connection:
        add(connection, *range(12))
    with engine.connect() as connection:
        query = select(ITEM.c.id).order_by(ITEM.c.id)
        streams = [
            connection.execute(query, execution_options={"yield_per": 2}).scalars()
            for _ in range(3)
        ]
        got = [[next(stream) for stream in streams] for _ in range(12)]
        assert [stream.all() for stream in streams] == [[], [], []]
        assert got == [[n] * 3 for n in range(12)]


def failure_while_streaming(engine: Engine) -> None:
    with engine.begin() as connection:
        add(connection, *range(5))
    with engine.connect() as connection:
        query = text("SELECT 1 / (3 - id) FROM item ORDER BY id")
        # asyncpg's own error, or SQLAlchemy's, depending on the driver
        with pytest.raises(Exception, match="division by zero"):
            connection.execute(query, execution_options={"yield_per": 1}).all()
        connection.rollback()
        add(connection, 7)
        connection.commit()
    assert stored(engine) == [0, 1, 2, 3, 4, 7]


BODIES = [
    executemany,
    pytest.param(returning, marks=pytest.mark.needs("returning")),
    streaming,
    pytest.param(several_streams_at_once, marks=pytest.mark.needs("several_streams")),
    pytest.param(failure_while_streaming, marks=pytest.mark.needs("division_by_zero")),
]


@pytest.mark.parametrize("body", BODIES)
def test_transactions(lab: Laboratory, body: Callable[[Engine], None]) -> None:
    lab.check(body)


@pytest.mark.parametrize("body", BODIES)
def test_without_the_sandbox_the_same_leaks(
    bare_lab: Laboratory, body: Callable[[Engine], None]
) -> None:
    leak(bare_lab, body)


@pytest.mark.parametrize("body", BODIES)
def test_one_engine_serves_many_tests(lab: Laboratory, body: Callable[[Engine], None]) -> None:
    serve_many_tests(lab, body)
