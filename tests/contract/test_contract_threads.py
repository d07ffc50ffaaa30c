"""Threads share a test: the endpoints of an application that are plain functions run in some."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

if TYPE_CHECKING:
    from tools.laboratory import Laboratory

pytestmark = pytest.mark.needs("threads")


def add(engine: Engine, number: int) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO item (id) VALUES (:id)"), {"id": number})


def add_or_fail(engine: Engine, number: int) -> None:
    """Every third finds its row there already, and rolls back."""
    if number % 3:
        add(engine, number)
        return
    with pytest.raises(IntegrityError):
        add(engine, 1000)


def many(engine: Engine) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: add(engine, number), range(20)))
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM item")) == 20


def some_that_fail(engine: Engine) -> None:
    add(engine, 1000)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: add_or_fail(engine, number), range(20)))
    with engine.connect() as connection:
        kept = [number for number in range(20) if number % 3]
        found = connection.scalars(text("SELECT id FROM item ORDER BY id")).all()
        assert found == [*kept, 1000]


def test_what_threads_write_is_in_the_test(lab: Laboratory) -> None:
    lab.check(many)


def test_a_thread_that_rolls_back_disturbs_no_other(lab: Laboratory) -> None:
    lab.check(some_that_fail)
