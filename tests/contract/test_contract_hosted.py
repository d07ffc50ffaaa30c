"""Hosted tests: one connection for all loops and threads of a test."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from tools.item_tasks import ids, many, write

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from tools.laboratory import Laboratory

LONG = 20.0


async def sleep(engine: AsyncEngine, sql: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("INSERT INTO item (id) VALUES (1)"))
        await connection.execute(text(sql))


def test_a_hosted_test_keeps_its_rows_from_loop_to_loop(async_lab: Laboratory) -> None:
    engine = async_lab.async_engine()
    for _ in range(3):
        with async_lab.test(hosted=True) as sandbox:
            asyncio.run(write(engine, 1))
            asyncio.run(write(engine, 2))
            assert asyncio.run(ids(engine)) == [1, 2]
        assert sandbox.problems == []
    assert async_lab.router.connections == 1


def test_a_hosted_tests_threads_see_the_same_rows(async_lab: Laboratory) -> None:
    engine = async_lab.async_engine()
    with async_lab.test(hosted=True) as sandbox:
        thread = threading.Thread(target=lambda: asyncio.run(write(engine, 1)))
        thread.start()
        thread.join(LONG)
        assert asyncio.run(ids(engine)) == [1]
    assert sandbox.problems == []


@pytest.mark.needs("sleeping", "cancelled_statements")
def test_a_cancelled_statement_of_a_hosted_test_disturbs_nobody(async_lab: Laboratory) -> None:
    async def body(engine: AsyncEngine) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sleep(engine, f"SELECT 1 FROM {async_lab.asleep(30)}"), 0.1)
        await write(engine, 2)
        assert await ids(engine) == [2]

    engine = async_lab.async_engine()
    with async_lab.test(hosted=True) as sandbox:
        asyncio.run(body(engine))
    assert sandbox.problems == []


def test_a_hosted_test_runs_many_tasks(async_lab: Laboratory) -> None:
    engine = async_lab.async_engine()
    for _ in range(2):
        with async_lab.test(hosted=True) as sandbox:
            assert asyncio.run(many(engine)) == list(range(20))
        assert sandbox.problems == []
