"""Ids start over with each test, in messages that are sent anyway."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, text

from pytest_oneloop.databases.postgresql import administer
from pytest_oneloop.databases.sequences import read_sequences, restart_sql
from pytest_oneloop.sandbox import greenlets
from pytest_oneloop.sandbox.ids import Restart
from tools.laboratory import Laboratory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.counting_proxy import CountingProxy

TESTS = 10


@contextmanager
def laboratory(
    driver: str, proxy: CountingProxy, *, restarts: bool
) -> Iterator[tuple[Laboratory, str]]:
    lab = Laboratory(driver, proxy.address)
    lab.change("DROP TABLE IF EXISTS numbered; CREATE TABLE numbered (id serial, body text)")
    baseline = administer(proxy.address, read_sequences, database=proxy.address.database)
    sql = restart_sql(baseline)
    if restarts:
        lab._target.ids = Restart(sql)
    with lab.open():
        yield lab, sql


def inserting(engine: Engine) -> int:
    with engine.begin() as connection:
        added = connection.execute(text("INSERT INTO numbered (body) VALUES ('a') RETURNING id"))
        return int(added.scalar_one())


def reading(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM numbered")).scalar_one())


def in_tests(
    lab: Laboratory, proxy: CountingProxy, body: Callable[[Engine], int]
) -> tuple[list[int], int, list[str]]:
    """Run it once in each of several tests: what it returned, messages, and what was sent."""
    engine = lab.engine()
    with asyncio.Runner() as loop:

        def run(function: Callable[..., Any], *arguments: object) -> Any:
            if lab.is_async:
                return loop.run(greenlets.run(function, *arguments))
            return function(*arguments)

        for number in range(8):  # while drivers prepare what they prepare
            with lab.test(f"test_{number}"):
                run(body, engine)
        mark = proxy.mark()
        returned = []
        for number in range(TESTS):
            with lab.test(f"test_{number}"):
                returned.append(run(body, engine))
        traffic = proxy.since(mark)
    return returned, traffic.messages, traffic.sql


def test_they_start_over_without_a_message_more(driver: str, proxy: CountingProxy) -> None:
    with laboratory(driver, proxy, restarts=False) as (lab, _):
        grown, without, _ = in_tests(lab, proxy, inserting)
    with laboratory(driver, proxy, restarts=True) as (lab, sql):
        returned, messages, sent = in_tests(lab, proxy, inserting)
    assert grown == list(range(9, 9 + TESTS))
    assert returned == [1] * TESTS
    assert messages == without
    assert len([one for one in sent if sql in one]) == TESTS


def test_tests_that_insert_nothing_send_nothing_for_it(driver: str, proxy: CountingProxy) -> None:
    with laboratory(driver, proxy, restarts=False) as (lab, _):
        _, without, plain = in_tests(lab, proxy, reading)
    with laboratory(driver, proxy, restarts=True) as (lab, _):
        _, messages, sent = in_tests(lab, proxy, reading)
    assert messages == without
    assert sent == plain
