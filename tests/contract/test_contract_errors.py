"""Every error of the sandbox, caused for real."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import asyncpg
import psycopg
import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from pytest_oneloop.errors.sandbox import (
    ConnectionLostError,
    OutdatedDriverError,
    TransactionControlError,
    TurnTimeoutError,
    UnroutedEngineError,
    UnsupportedDialectError,
)
from pytest_oneloop.sandbox import drivers, turns
from tools.laboratory import Laboratory
from tools.listeners import CountingListener
from tools.servers import conninfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_oneloop.databases.address import ServerAddress

LONG = 20.0


def insert(engine: Engine, number: int = 1) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO item (id) VALUES (:id)"), {"id": number})


def ids(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.scalars(text("SELECT id FROM item")))


def insert_and_read(engine: Engine) -> list[int]:
    insert(engine)
    return ids(engine)


# -- control by text ---------------------------------------------------------------------------


@pytest.mark.needs("control_by_driver")
@pytest.mark.parametrize("hosted", [False, True])
@pytest.mark.parametrize("command", ["COMMIT", "BEGIN", "ROLLBACK", "START TRANSACTION"])
def test_control_by_text_is_refused_and_the_test_goes_on(
    lab: Laboratory,
    command: str,
    hosted: bool,  # noqa: FBT001 - a parameter of pytest
) -> None:
    def body(engine: Engine) -> None:
        with engine.connect() as connection:
            connection.execute(text("INSERT INTO item (id) VALUES (1)"))
            with pytest.raises(TransactionControlError) as raised:
                connection.execute(text(command))
            assert raised.value.command == command
            assert raised.value.place.startswith("tests/contract/test_contract_errors.py:")
            connection.commit()
        assert ids(engine) == [1]

    engine = lab.engine()
    with lab.test("test_text", hosted=hosted) as sandbox:
        lab.run(body, engine)
    (problem,) = sandbox.problems
    assert isinstance(problem, TransactionControlError)
    assert problem.test == "test_text"


@pytest.mark.needs("control_by_driver")
def test_control_by_text_is_found_in_a_script_too(lab: Laboratory) -> None:
    def body(engine: Engine) -> None:
        with engine.connect() as connection, pytest.raises(TransactionControlError):
            connection.exec_driver_sql("INSERT INTO item (id) VALUES (1); COMMIT")

    engine = lab.engine()
    with lab.test():
        lab.run(body, engine)


# -- engines that make connections by themselves --------------------------------------------------


def _by_creator(address: ServerAddress) -> Engine:
    return create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(conninfo(address))
    )


def _by_pool(address: ServerAddress) -> Engine:
    def connect() -> Any:
        return psycopg.connect(conninfo(address))

    return create_engine("postgresql+psycopg://", pool=QueuePool(connect))


@pytest.mark.parametrize("make", [_by_creator, _by_pool])
def test_an_engine_that_connects_by_itself_is_refused_before_a_statement(
    untouched: ServerAddress, make: Callable[[ServerAddress], Engine]
) -> None:
    engine = make(untouched)
    lab = Laboratory("psycopg", untouched)
    with lab.open(), lab.test() as sandbox:
        with pytest.raises(UnroutedEngineError) as raised:
            insert(engine)
        assert raised.value.driver == "psycopg.Connection"
        assert sandbox.problems == [raised.value]
        assert sandbox.statements == 0


def test_an_asynchronous_creator_is_refused_before_a_statement(untouched: ServerAddress) -> None:
    async def connect() -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(conninfo(untouched))

    async def use(engine: AsyncEngine) -> None:
        async with engine.connect():
            pass

    engine = create_async_engine("postgresql+psycopg://", async_creator=connect)
    with Laboratory("psycopg", untouched).open() as lab, lab.test() as sandbox:
        with pytest.raises(UnroutedEngineError):
            asyncio.run(use(engine))
        assert [type(problem) for problem in sandbox.problems] == [UnroutedEngineError]


# -- other databases -------------------------------------------------------------------------------


def test_an_unknown_dialect_is_refused(untouched: ServerAddress) -> None:
    engine = create_engine("oracle+oracledb://nobody@database.invalid/none")
    with Laboratory("psycopg", untouched).open() as lab, lab.test() as sandbox:
        with pytest.raises(UnsupportedDialectError) as raised, engine.connect():
            pass
        assert raised.value.dialect == "oracle+oracledb"
        assert sandbox.problems == [raised.value]
    assert lab.provided == 0


def test_a_driver_that_is_too_old_is_refused(
    untouched: ServerAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = asyncpg.__version__
    monkeypatch.setitem(drivers.SINCE, "asyncpg", f"{release}.1")
    with Laboratory("asyncpg", untouched).open() as lab:
        with lab.test() as sandbox:
            with pytest.raises(OutdatedDriverError) as raised:
                lab.run(insert, lab.engine())
            assert raised.value.release == release
            assert sandbox.problems == [raised.value]
        assert lab.provided == 0
        monkeypatch.setitem(drivers.SINCE, "asyncpg", release)
        lab.check(insert)


@pytest.mark.parametrize("name", ["sqlite", "sqlite+pysqlite"])
def test_a_dialect_may_be_let_through(untouched: ServerAddress, name: str) -> None:
    engine = create_engine("sqlite://")
    lab = Laboratory("psycopg", untouched, passthrough=frozenset({name}))
    with lab.open(), lab.test() as sandbox:
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT 1")) == 1
        assert sandbox.problems == []
    engine.dispose()
    assert lab.provided == 0


@pytest.mark.needs("server")
def test_nothing_ever_asks_for_the_server_that_the_application_names(lab: Laboratory) -> None:
    with CountingListener() as listener:
        url = f"{lab.dialect}+{lab.driver}://user:secret@127.0.0.1:{listener.port}/production"
        engine = create_async_engine(url).sync_engine if lab.is_async else create_engine(url)
        with lab.test() as sandbox:
            lab.run(insert, engine)
            assert sandbox.statements == 1
        assert listener.accepted == 0


# -- connections that end -------------------------------------------------------------------------


@pytest.mark.needs("ended_sessions")
def test_a_connection_that_ends_within_a_test_is_reported(lab: Laboratory) -> None:
    def end(engine: Engine) -> None:
        insert(engine)
        with engine.connect() as connection:
            lab.end_session(connection)

    def after(engine: Engine) -> None:
        insert(engine, 2)

    engine = lab.engine()
    with lab.test("test_end") as sandbox:
        with pytest.raises(ConnectionLostError):
            lab.run(end, engine)
        with pytest.raises(ConnectionLostError):
            lab.run(after, engine)
    assert sandbox.problems
    assert {type(problem) for problem in sandbox.problems} == {ConnectionLostError}
    for number in range(2):
        with lab.test(f"test_next_{number}") as sandbox:
            assert lab.run(insert_and_read, engine) == [1]
        assert sandbox.problems == []


@pytest.mark.needs("ended_sessions")
def test_a_connection_that_ends_between_tests_is_replaced(lab: Laboratory) -> None:
    engine = lab.engine()
    with lab.test("test_one"):
        lab.run(insert, engine)
    lab.end_sessions()
    with lab.test("test_two") as sandbox:
        if lab.is_async:
            assert lab.run(ids, engine) == []
        else:
            # Nobody can know before something is sent.
            with pytest.raises(ConnectionLostError):
                lab.run(ids, engine)
    with lab.test("test_three") as sandbox:
        assert lab.run(ids, engine) == []
    assert sandbox.problems == []


# -- waiting --------------------------------------------------------------------------------------


@pytest.mark.needs("sleeping")
def test_a_statement_does_not_wait_for_ever(
    async_lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "DEADLINE", 0.2)

    async def execute(engine: AsyncEngine, sql: str) -> None:
        async with engine.connect() as connection:
            await connection.execute(text(sql))

    async def body(engine: AsyncEngine) -> None:
        async with engine.connect(), engine.connect():
            pass  # what drivers send on a new connection is waited for longer
        slow = asyncio.create_task(execute(engine, f"SELECT 1 FROM {async_lab.asleep(1.5)}"))
        await asyncio.sleep(0.1)
        with pytest.raises(TurnTimeoutError) as raised:
            await execute(engine, "SELECT 1")
        assert raised.value.seconds == 0.2
        assert "test_contract_errors.py" in raised.value.place
        await slow

    engine = async_lab.async_engine()
    with async_lab.test("test_wait") as sandbox:
        asyncio.run(body(engine))
    assert [type(problem) for problem in sandbox.problems] == [TurnTimeoutError]


def test_a_thread_does_not_wait_for_ever(
    untouched: ServerAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "DEADLINE", 0.2)
    with Laboratory("psycopg2", untouched).open() as lab:
        engine = lab.engine()

        def sleep() -> None:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1 FROM pg_sleep(1.5)"))

        with lab.test():
            thread = threading.Thread(target=sleep)
            thread.start()
            threading.Event().wait(0.3)
            with pytest.raises(TurnTimeoutError):
                ids(engine)
            thread.join(LONG)
