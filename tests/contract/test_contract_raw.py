"""The driver's own connection, and its own commands, are inside the test as well."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, text

from pytest_oneloop.errors.sandbox import TransactionControlError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import asyncpg
    import psycopg
    from sqlalchemy.ext.asyncio import AsyncEngine

    from tools.laboratory import Laboratory

Body = "Callable[[AsyncEngine], Awaitable[None]]"


@pytest.fixture(params=[False, True], ids=["own loop", "hosted"])
def hosted(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def check(
    lab: Laboratory, body: Callable[[AsyncEngine], Awaitable[None]], *, hosted: bool = False
) -> None:
    engine = lab.async_engine()
    for number in range(2):
        with lab.test(f"test_{number}", hosted=hosted) as sandbox:
            asyncio.run(_coroutine(body, engine))
        assert sandbox.problems == []


async def _coroutine(body: Callable[[AsyncEngine], Awaitable[None]], engine: AsyncEngine) -> None:
    await body(engine)


async def ids(engine: AsyncEngine) -> list[int]:
    async with engine.connect() as connection:
        return list(await connection.scalars(text("SELECT id FROM item ORDER BY id")))


async def insert_and_fail(raw: Any) -> None:
    async with raw.transaction():
        await raw.execute("INSERT INTO item (id) VALUES (2)")
        await raw.execute("SELECT 1 / 0")


async def raw_of(connection: Any) -> Any:
    return (await connection.get_raw_connection()).driver_connection


@pytest.mark.needs("asyncpg")
def test_asyncpg_copies_inside_the_transaction(async_lab: Laboratory, *, hosted: bool) -> None:
    async def body(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            await connection.execute(text("INSERT INTO item (id) VALUES (1)"))
            raw: asyncpg.Connection[Any] = await raw_of(connection)
            await raw.copy_records_to_table("item", records=[(2, "b"), (3, "c")])
            assert await raw.fetchval("SELECT count(*) FROM item") == 3
        async with engine.connect() as connection:
            await connection.execute(text("INSERT INTO item (id) VALUES (4)"))
            raw = await raw_of(connection)
            await raw.copy_records_to_table("item", records=[(5, "e")])
            await connection.rollback()
        assert await ids(engine) == [1, 2, 3]

    check(async_lab, body, hosted=hosted)


@pytest.mark.needs("asyncpg")
def test_asyncpgs_own_transactions_nest(async_lab: Laboratory, *, hosted: bool) -> None:
    async def body(engine: AsyncEngine) -> None:
        async with engine.connect() as connection:
            raw: asyncpg.Connection[Any] = await raw_of(connection)
            async with raw.transaction():
                await raw.execute("INSERT INTO item (id) VALUES (1)")
            with pytest.raises(Exception, match="division by zero"):
                await insert_and_fail(raw)
            statement = await raw.prepare("SELECT id FROM item")
            assert await statement.fetchval() == 1
            async with raw.transaction():
                assert [row["id"] async for row in raw.cursor("SELECT id FROM item")] == [1]
            await raw.executemany("INSERT INTO item (id) VALUES ($1)", [(5,), (6,)])
        assert await ids(engine) == [1, 5, 6]

    check(async_lab, body, hosted=hosted)


@pytest.mark.needs("psycopg async")
def test_psycopg_copies_inside_the_transaction(async_lab: Laboratory, *, hosted: bool) -> None:
    async def body(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            await connection.execute(text("INSERT INTO item (id) VALUES (1)"))
            raw: psycopg.AsyncConnection[Any] = await raw_of(connection)
            async with (
                raw.cursor() as cursor,
                cursor.copy("COPY item FROM STDIN") as copy,
            ):
                await copy.write_row((2, "b"))
            async with raw.transaction():
                await raw.execute("INSERT INTO item (id) VALUES (3)")
        async with engine.connect() as connection:
            raw = await raw_of(connection)
            await raw.execute("INSERT INTO item (id) VALUES (4)")
        assert await ids(engine) == [1, 2, 3]

    check(async_lab, body, hosted=hosted)


@pytest.mark.needs("threads", "copy")
def test_a_synchronous_driver_copies_inside_the_transaction(lab: Laboratory) -> None:
    def copy(connection: Any, line: str) -> None:
        cursor = connection.connection.cursor()
        if lab.driver == "psycopg2":
            cursor.copy_expert("COPY item FROM STDIN", io.StringIO(line))
        else:
            with cursor.copy("COPY item FROM STDIN") as writer:
                writer.write(line)
        cursor.close()

    def body(engine: Engine) -> None:
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO item (id) VALUES (1)"))
            copy(connection, "2\tb\n")
        with engine.connect() as connection:
            connection.execute(text("INSERT INTO item (id) VALUES (3)"))
            copy(connection, "4\td\n")
            connection.rollback()
        with engine.connect() as connection:
            assert connection.scalars(text("SELECT id FROM item ORDER BY id")).all() == [1, 2]

    lab.check(body)


@pytest.mark.needs("copy")
def test_an_error_on_the_drivers_connection_disturbs_nobody_else(async_lab: Laboratory) -> None:
    async def fail(engine: AsyncEngine) -> None:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
            raw = await raw_of(connection)
            with pytest.raises(Exception, match="does not exist"):
                await raw.execute("SELECT nothing")

    async def body(engine: AsyncEngine) -> None:
        async with engine.connect() as around:
            await around.execute(text("INSERT INTO item (id) VALUES (1)"))
            await fail(engine)
            await around.execute(text("INSERT INTO item (id) VALUES (2)"))
            await around.commit()
        async with engine.connect() as first:
            await first.execute(text("SELECT 1"))
            raw = await raw_of(first)
            async with engine.begin() as second:
                with pytest.raises(Exception, match="does not exist"):
                    await raw.execute("SELECT nothing")
                await second.execute(text("INSERT INTO item (id) VALUES (3)"))
            await first.rollback()
            await first.execute(text("INSERT INTO item (id) VALUES (4)"))
            await first.commit()
        assert await ids(engine) == [1, 2, 3, 4]

    check(async_lab, body)


@pytest.mark.needs("copy")
def test_tasks_that_copy_side_by_side_keep_what_they_committed(async_lab: Laboratory) -> None:
    async def one(engine: AsyncEngine, number: int) -> None:
        async with engine.connect() as connection:
            await connection.execute(text("INSERT INTO item (id) VALUES (:id)"), {"id": number})
            raw = await raw_of(connection)
            if async_lab.driver == "asyncpg":
                await raw.copy_records_to_table("item", records=[(100 + number, "x")])
            else:
                async with raw.cursor() as cursor, cursor.copy("COPY item FROM STDIN") as copy:
                    await copy.write_row((100 + number, "x"))
            await asyncio.sleep(0.001)
            await (connection.rollback() if number % 3 == 0 else connection.commit())

    async def body(engine: AsyncEngine) -> None:
        await asyncio.gather(*(one(engine, number) for number in range(12)))
        kept = [number for number in range(12) if number % 3]
        assert await ids(engine) == kept + [100 + number for number in kept]

    check(async_lab, body)


@pytest.mark.needs("copy")
def test_a_copy_begun_after_anothers_rollback_is_kept(async_lab: Laboratory) -> None:
    """The other's `ROLLBACK TO` must be on the server before the driver is used past us."""

    async def body(engine: AsyncEngine) -> None:
        async with engine.connect() as first, engine.connect() as second:
            await first.execute(text("SELECT 1"))
            await second.execute(text("INSERT INTO item (id) VALUES (1)"))
            await second.rollback()
            raw = await raw_of(first)
            await raw.execute("INSERT INTO item (id) VALUES (2)")
            await first.commit()
        assert await ids(engine) == [2]

    check(async_lab, body)


@pytest.mark.needs("control_by_driver")
@pytest.mark.parametrize("command", ["COMMIT", "ROLLBACK"])
def test_a_transaction_ended_past_us_is_reported(async_lab: Laboratory, command: str) -> None:
    async def body(engine: AsyncEngine) -> None:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
            raw = await raw_of(connection)
            await raw.execute(command)
            with pytest.raises(TransactionControlError):
                await connection.execute(text("SELECT 1"))

    engine = async_lab.async_engine()
    with async_lab.test("test_past_us") as sandbox:
        asyncio.run(_coroutine(body, engine))
    assert sandbox.leaked
    assert isinstance(sandbox.problems[0], TransactionControlError)
    with async_lab.test("test_next") as sandbox:
        assert asyncio.run(ids(engine)) == []
    assert sandbox.problems == []
    assert not sandbox.leaked


@pytest.mark.needs("control_by_driver")
def test_a_transaction_ended_past_us_at_the_very_end_is_reported(async_lab: Laboratory) -> None:
    async def body() -> None:
        engine = async_lab.async_engine()
        async with engine.connect() as connection:
            raw = await raw_of(connection)
            await connection.execute(text("SELECT 1"))
            await raw.execute("COMMIT")
            async_lab.router.end()

    with async_lab.test("test_past_us") as sandbox:
        asyncio.run(body())
    assert sandbox.leaked
    assert [type(problem) for problem in sandbox.problems] == [TransactionControlError]
