"""Transactions of the application, through every driver and every pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from tools.item_rows import add, ids, leak, serve_many_tests, stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.laboratory import Laboratory

Pool = dict[str, Any]


# Each of these is also run without the sandbox: what it says of the application's transactions must
# be true of a real database, and what it leaves there is the leak that the sandbox prevents.


def commit(engine: Engine) -> None:
    with engine.connect() as connection:
        add(connection, 1)
        connection.commit()
        add(connection, 2)
        connection.commit()
    assert stored(engine) == [1, 2]


def rollback(engine: Engine) -> None:
    with engine.connect() as connection:
        add(connection, 1)
        connection.commit()
        add(connection, 2)
        connection.rollback()
        assert ids(connection) == [1]
    assert stored(engine) == [1]


def closing_without_commit(engine: Engine) -> None:
    with engine.connect() as connection:
        add(connection, 1)
        connection.commit()
    with engine.connect() as connection:
        add(connection, 2)
    assert stored(engine) == [1]


def block_that_commits(engine: Engine) -> None:
    with engine.begin() as connection:
        add(connection, 1)
    assert stored(engine) == [1]


def block_that_raises(engine: Engine) -> None:
    with engine.begin() as connection:
        add(connection, 1)
    with pytest.raises(IntegrityError), engine.begin() as connection:
        add(connection, 2, 1)
    assert stored(engine) == [1]


def nested(engine: Engine) -> None:
    with engine.connect() as connection:
        add(connection, 1)
        with connection.begin_nested():
            add(connection, 2)
        inner = connection.begin_nested()
        add(connection, 3)
        inner.rollback()
        add(connection, 4)
        connection.commit()
    assert stored(engine) == [1, 2, 4]


def nested_first_of_all(engine: Engine) -> None:
    with engine.connect() as connection:
        with connection.begin_nested():
            add(connection, 1)
            with connection.begin_nested() as deeper:
                add(connection, 2)
                deeper.rollback()
        connection.commit()
    assert stored(engine) == [1]


def failure_in_nested(engine: Engine) -> None:
    with engine.connect() as connection:
        add(connection, 1)
        with pytest.raises(IntegrityError), connection.begin_nested():
            add(connection, 1)
        add(connection, 2)
        connection.commit()
    assert stored(engine) == [1, 2]


def failure_keeps_what_came_before(engine: Engine) -> None:
    with engine.connect() as connection:
        add(connection, 1)
        connection.commit()
        add(connection, 2)
        with pytest.raises(IntegrityError):
            add(connection, 1)
        connection.rollback()
        assert ids(connection) == [1]
        add(connection, 3)
        connection.commit()
    assert stored(engine) == [1, 3]


def failed_transaction_refuses(engine: Engine) -> None:
    with engine.connect() as connection:
        add(connection, 1)
        with pytest.raises(IntegrityError):
            add(connection, 1)
        with pytest.raises(DBAPIError, match="current transaction is aborted"):
            add(connection, 2)
        connection.rollback()
        add(connection, 3)
        connection.commit()
    assert stored(engine) == [3]


def failed_statement_is_undone_alone(engine: Engine) -> None:
    with engine.connect() as connection, engine.connect() as other:
        add(connection, 1)
        assert other.scalar(text("SELECT 1")) == 1
        with pytest.raises(IntegrityError):
            add(connection, 1)
        add(connection, 2)
        connection.commit()
        other.rollback()
        assert ids(connection) == [1, 2]


def orm(engine: Engine) -> None:
    with Session(engine) as session:
        add(session, 1)
        session.commit()
        add(session, 2)
        session.rollback()
        with session.begin_nested():
            add(session, 3)
        session.commit()
    assert stored(engine) == [1, 3]


def autocommit_of_the_engine(engine: Engine) -> None:
    alone = engine.execution_options(isolation_level="AUTOCOMMIT")
    with alone.connect() as connection:
        add(connection, 1)
        with pytest.raises(IntegrityError):
            add(connection, 1)
        add(connection, 2)
        connection.rollback()
    assert stored(engine) == [1, 2]


def autocommit_of_a_connection(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        add(connection, 1)
        connection.rollback()
    with engine.connect() as connection:
        add(connection, 2)
        connection.rollback()
    assert stored(engine) == [1]


def every_isolation_level(engine: Engine) -> None:
    for number, level in enumerate(("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")):
        with engine.connect() as connection:
            connection.execution_options(isolation_level=level)
            add(connection, number)
            connection.commit()
    assert stored(engine) == [0, 1, 2]


def read_only(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execution_options(postgresql_readonly=True)
        assert ids(connection) == []
        with pytest.raises(DBAPIError, match="read-only transaction"):
            add(connection, 1)
        connection.rollback()
        assert ids(connection) == []
    with engine.begin() as connection:
        add(connection, 2)
    assert stored(engine) == [2]


def invalidated(engine: Engine) -> None:
    with engine.begin() as connection:
        add(connection, 1)
    with engine.connect() as connection:
        add(connection, 2)
        connection.invalidate()
        connection.rollback()
        add(connection, 3)
        connection.commit()
    assert stored(engine) == [1, 3]


def disposed_in_the_middle(engine: Engine) -> None:
    with engine.begin() as connection:
        add(connection, 1)
    engine.dispose()
    with engine.begin() as connection:
        add(connection, 2)
        engine.dispose()
        add(connection, 3)
    assert stored(engine) == [1, 2, 3]


def detached(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.detach()
        add(connection, 1)
        connection.commit()
        add(connection, 2)
    assert stored(engine) == [1]


IN_EVERY_POOL = [
    commit,
    rollback,
    closing_without_commit,
    block_that_commits,
    block_that_raises,
    nested,
    nested_first_of_all,
    failure_in_nested,
    failure_keeps_what_came_before,
    pytest.param(failed_transaction_refuses, marks=pytest.mark.needs("failing_transactions")),
    orm,
    autocommit_of_the_engine,
    autocommit_of_a_connection,
    invalidated,
]
IN_ONE_POOL = [
    pytest.param(failed_statement_is_undone_alone, marks=pytest.mark.needs("failing_statements")),
    pytest.param(every_isolation_level, marks=pytest.mark.needs("isolation_levels")),
    pytest.param(read_only, marks=pytest.mark.needs("read_only_transactions")),
]
LEAVING_CONNECTIONS = [
    disposed_in_the_middle,
    detached,
]


@pytest.mark.parametrize("body", IN_EVERY_POOL)
def test_transactions_in_every_pool(
    lab: Laboratory, pool: Pool, body: Callable[[Engine], None]
) -> None:
    lab.check(body, **pool)


@pytest.mark.parametrize("body", [*IN_ONE_POOL, *LEAVING_CONNECTIONS])
def test_transactions(lab: Laboratory, body: Callable[[Engine], None]) -> None:
    lab.check(body)


@pytest.mark.parametrize("body", [*IN_EVERY_POOL, *IN_ONE_POOL])
def test_without_the_sandbox_the_same_leaks(
    bare_lab: Laboratory, body: Callable[[Engine], None]
) -> None:
    leak(bare_lab, body)


@pytest.mark.parametrize("body", [*IN_EVERY_POOL, *IN_ONE_POOL, *LEAVING_CONNECTIONS])
def test_one_engine_serves_many_tests(lab: Laboratory, body: Callable[[Engine], None]) -> None:
    serve_many_tests(lab, body)


@pytest.mark.parametrize("reset", ["rollback", "commit", None])
def test_a_pool_may_reset_as_it_likes(lab: Laboratory, reset: str | None) -> None:
    def body(engine: Engine) -> list[int]:
        connection = engine.raw_connection()
        cursor = connection.cursor()
        cursor.execute("INSERT INTO item (id) VALUES (1)")
        cursor.close()
        if reset is None:
            connection.rollback()
        connection.close()
        return stored(engine)

    assert lab.check(body, pool_reset_on_return=reset) == ([1] if reset == "commit" else [])


def test_the_isolation_level_of_an_engine_may_be_autocommit(lab: Laboratory) -> None:
    def body(engine: Engine) -> None:
        with engine.connect() as connection:
            add(connection, 1)
            connection.rollback()
            add(connection, 2)
        assert stored(engine) == [1, 2]

    lab.check(body, isolation_level="AUTOCOMMIT")
