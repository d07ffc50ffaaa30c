"""Under `auto`, a test that meets a limit of the sandbox is run again on a real database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.attempts import take_runs, told

if TYPE_CHECKING:
    from tools.projects import Project

pytestmark = pytest.mark.server

LIMITS = """
import asyncpg
import psycopg
import pytest
from sqlalchemy import create_engine, event, text

from notes import Note, engine, new_session

INSERT = text("INSERT INTO notes (text) VALUES ('a')")
COUNT = text("SELECT count(*) FROM notes")


@pytest.fixture
def other():
    engine = create_engine("postgresql+psycopg://nobody@nowhere.invalid/nothing")
    yield engine
    engine.dispose()


async def test_plain(db_session):
    await db_session.execute(INSERT)
    await db_session.commit()
    assert await db_session.scalar(COUNT) == 1


async def test_an_interleaved_rollback():
    async with new_session() as one, new_session() as two:
        one.add(Note(text="one"))
        await one.flush()
        two.add(Note(text="two"))
        await two.commit()
        await one.rollback()
        assert await one.scalar(COUNT) == 1


async def test_no_transaction_block():
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM notes"))


async def test_an_isolation_level():
    async with engine.connect() as one, engine.connect() as two:
        await one.execution_options(isolation_level="REPEATABLE READ")
        assert await one.scalar(COUNT) == 0
        await two.execute(INSERT)
        await two.commit()
        assert await one.scalar(COUNT) == 0
        await one.rollback()
        assert await one.scalar(COUNT) == 1


async def test_autocommit():
    async with engine.connect() as one, engine.connect() as two:
        await one.execute(INSERT)
        await two.execution_options(isolation_level="AUTOCOMMIT")
        assert await two.scalar(COUNT) == 0


async def test_notifications(oneloop):
    heard = []
    async with engine.connect() as one:
        raw = (await one.get_raw_connection()).driver_connection
        await raw.add_listener("news", lambda *message: heard.append(message[3]))
        async with engine.begin() as two:
            await two.execute(text("NOTIFY news, 'good'"))
        await one.execute(text("SELECT 1"))
        await raw.fetchval("SELECT 1")
        await raw.reset_listeners() if hasattr(raw, "reset_listeners") else await raw.reset()
    assert heard == ["good"]


def test_two_phase_commit(other):
    with other.connect() as connection:
        transaction = connection.begin_twophase("transfer-1")
        connection.execute(INSERT)
        transaction.prepare()
        transaction.commit()
    with other.connect() as connection:
        assert connection.scalar(COUNT) == 1


async def test_advisory_locks():
    lock = text("SELECT pg_try_advisory_lock(7)")
    async with engine.connect() as one, engine.connect() as two:
        assert await one.scalar(lock)
        assert not await two.scalar(lock)
        assert await one.scalar(text("SELECT pg_advisory_unlock(7)"))


async def test_rows_that_are_locked():
    async with engine.begin() as connection:
        await connection.execute(INSERT)
    free = text("SELECT id FROM notes FOR UPDATE SKIP LOCKED")
    async with engine.connect() as one, engine.connect() as two:
        assert len((await one.execute(free)).all()) == 1
        assert (await two.execute(free)).all() == []


async def test_two_drivers(other):
    async with engine.begin() as connection:
        await connection.execute(INSERT)
    with other.connect() as connection:
        assert connection.scalar(COUNT) == 1


async def test_synchronous_and_asynchronous_engines(other, db_session):
    with other.begin() as connection:
        connection.execute(INSERT)
    assert await db_session.scalar(COUNT) == 1


async def test_another_program(oneloop):
    async with engine.begin() as connection:
        await connection.execute(INSERT)
    url = oneloop.url.replace("+asyncpg", "")
    with psycopg.connect(url) as theirs:
        assert theirs.execute("SELECT count(*) FROM notes").fetchone() == (1,)


async def test_it_simply_fails_in_the_sandbox(oneloop, db_session):
    await db_session.execute(INSERT)
    assert oneloop.strategy == "commit"
"""
TWO = "two drivers, or two event loops, on one database"
MEET = "two open transactions use the same table: notes"
NEEDED = {
    "test_an_interleaved_rollback": f"commit: {MEET}",
    "test_no_transaction_block": "clone: a statement refuses to run in a transaction block",
    "test_an_isolation_level": (
        "commit: others write beside a REPEATABLE READ or SERIALIZABLE transaction"
    ),
    "test_autocommit": f"commit: {MEET}",
    "test_notifications": "commit: LISTEN and NOTIFY need commits",
    "test_two_phase_commit": "commit: transactions are ended by SQL text, or in two phases",
    "test_advisory_locks": "commit: advisory locks need connections of their own",
    "test_rows_that_are_locked": f"commit: {MEET}",
    "test_two_drivers": f"commit: {TWO}",
    "test_synchronous_and_asynchronous_engines": f"commit: {TWO}",
    "test_another_program": "clone: another program may connect by the URL",
    "test_it_simply_fails_in_the_sandbox": (
        "commit: failed under rollback: AssertionError: assert 'rollback' == 'commit'"
    ),
}
STRATEGY = {name: how.partition(":")[0] for name, how in NEEDED.items()}


def test_each_limit_leads_to_one_more_run_and_is_remembered(project: Project) -> None:
    project.write({"test_limits.py": LIMITS})
    first = project.run("-W", "error", "test_limits.py")
    assert first.counts == {"passed": 13}, first.output
    assert take_runs(project) == {
        "test_plain": ["rollback"],
        **{name: ["rollback", strategy] for name, strategy in STRATEGY.items()},
    }
    assert told(first, "test_limits.py") == NEEDED, first.output

    second = project.run("-W", "error", "test_limits.py")
    assert second.counts == {"passed": 13}, second.output
    assert take_runs(project) == {
        "test_plain": ["rollback"],
        **{name: [strategy] for name, strategy in STRATEGY.items()},
    }
    assert told(second, "test_limits.py") == NEEDED, second.output

    # A test that was changed may need something else.
    project.change("test_limits.py", "NOTIFY news, 'good'", "NOTIFY news, 'best'")
    project.change("test_limits.py", '["good"]', '["best"]')
    third = project.run("-k", "notifications or autocommit")
    assert third.counts["passed"] == 2, third.output
    assert take_runs(project) == {
        "test_autocommit": ["commit"],
        "test_notifications": ["rollback", "commit"],
    }


def test_under_rollback_alone_each_limit_shows(project: Project) -> None:
    """The other way round: nothing of what needs a real database passes without one."""
    project.write({"test_limits.py": LIMITS})
    done = project.run("--oneloop-strategy=rollback", "test_limits.py")
    assert done.counts == {"passed": 1, "failed": 12}, done.output
    assert {tuple(runs) for runs in take_runs(project).values()} == {("rollback",)}
