"""What the sandbox costs, counted in messages to the server."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, text

from pytest_oneloop.sandbox import greenlets
from pytest_oneloop.sandbox.outer import Constraints
from tools.laboratory import DEFERRABLE, Laboratory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.counting_proxy import CountingProxy


@contextmanager
def runner(lab: Laboratory) -> Iterator[Callable[..., Any]]:
    """Run functions one after the other on one loop, if the driver needs one."""
    if not lab.is_async:
        yield lambda body, *args: body(*args)
        return
    with asyncio.Runner() as loop:
        yield lambda body, *args: loop.run(greenlets.run(body, *args))


def transaction(engine: Engine, statements: int, *, commits: bool = True) -> None:
    with engine.connect() as connection:
        for number in range(statements):
            connection.execute(
                text("INSERT INTO item (id) VALUES (:id) ON CONFLICT DO NOTHING"), {"id": number}
            )
        if commits:
            connection.commit()


def reading(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("SELECT * FROM item"))


def measure(lab: Laboratory, proxy: CountingProxy, body: Callable[..., None], *args: Any) -> int:
    """Return the messages of ten runs, when drivers have prepared what they prepare."""
    engine = lab.engine()
    with runner(lab) as run, lab.test():
        for _ in range(10):
            run(body, engine, *args)
        mark = proxy.mark()
        for _ in range(10):
            run(body, engine, *args)
        total = proxy.since(mark).messages
        if not lab.sandboxed:
            run(engine.dispose)
    return total


@pytest.mark.parametrize("constraints", [Constraints(), DEFERRABLE], ids=["none", "deferrable"])
@pytest.mark.parametrize("statements", [1, 2, 5])
@pytest.mark.parametrize("commits", [True, False], ids=["commit", "rollback"])
def test_a_transaction_costs_no_more_than_on_a_real_connection(
    driver: str,
    proxy: CountingProxy,
    constraints: Constraints,
    statements: int,
    commits: bool,  # noqa: FBT001 - a parameter of pytest
) -> None:
    def body(engine: Engine) -> None:
        transaction(engine, statements, commits=commits)

    bare = Laboratory(driver, proxy.address, sandboxed=False)
    real = measure(bare, proxy, body)
    bare.change("TRUNCATE item")
    with Laboratory(driver, proxy.address, constraints=constraints).open() as lab:
        virtual = measure(lab, proxy, body)
    assert virtual <= real


def test_isolating_a_test_costs_at_most_two_messages(driver: str, proxy: CountingProxy) -> None:
    """One test with one transaction, and no sandbox: the difference is the isolation."""

    def one(engine: Engine) -> None:
        transaction(engine, 2)

    bare = Laboratory(driver, proxy.address, sandboxed=False)
    real = measure(bare, proxy, one)
    bare.change("TRUNCATE item")
    with Laboratory(driver, proxy.address).open() as lab:
        engine = lab.engine()
        with runner(lab) as run:
            for number in range(8):
                with lab.test(f"test_{number}"):
                    run(one, engine)
            mark = proxy.mark()
            for number in range(10):
                with lab.test(f"test_{number}"):
                    run(one, engine)
            traffic = proxy.since(mark)
    assert traffic.connections == 0
    assert traffic.messages <= real + 10 * 2
    # It costs none: the test's begin and end ride with the first message of its transaction.
    assert traffic.messages <= real


def test_a_test_without_a_database_sends_nothing(driver: str, proxy: CountingProxy) -> None:
    with Laboratory(driver, proxy.address).open() as lab:
        engine = lab.engine()
        with runner(lab) as run:
            with lab.test():
                run(transaction, engine, 1)
            mark = proxy.mark()
            for _ in range(3):
                with lab.test():
                    pass
            assert proxy.since(mark).messages == 0


def test_nothing_is_checked_in_a_transaction_that_only_read(
    driver: str, proxy: CountingProxy
) -> None:
    with Laboratory(driver, proxy.address, constraints=DEFERRABLE).open() as lab:
        engine = lab.engine()
        with runner(lab) as run, lab.test():
            run(reading, engine)
            mark = proxy.mark()
            run(reading, engine)
            assert not [sql for sql in proxy.since(mark).sql if "CONSTRAINTS" in sql]


def test_nothing_is_checked_where_nothing_is_deferrable(driver: str, proxy: CountingProxy) -> None:
    with Laboratory(driver, proxy.address).open() as lab:
        engine = lab.engine()
        with runner(lab) as run, lab.test():
            run(transaction, engine, 3)
            run(transaction, engine, 3)
        assert not [sql for sql in proxy.since().sql if "CONSTRAINTS" in sql]


def test_a_ping_of_the_pool_sends_nothing(driver: str, proxy: CountingProxy) -> None:
    with Laboratory(driver, proxy.address).open() as lab:
        plain, pinging = lab.engine(), lab.engine(pool_pre_ping=True)
        counts = []
        with runner(lab) as run, lab.test():
            for engine in (plain, pinging):
                for _ in range(10):
                    run(reading, engine)
                mark = proxy.mark()
                run(reading, engine)
                counts.append(proxy.since(mark).messages)
        assert counts[0] == counts[1]
