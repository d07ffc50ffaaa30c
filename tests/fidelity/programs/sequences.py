"""Sequences, and columns that are filled from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fidelity.program import program
from fidelity.seeing import do, error_of, rows, value

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Seen


@program("a number that was drawn is not given back by a rollback")
async def gap_after_a_rollback(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        first = await value(a, "SELECT nextval('numbers')")
        await a.rollback()
        return {"step": await value(a, "SELECT nextval('numbers')") - first}


@program("the first row of an identity column has the number 1")
async def first_identity(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        return {"id": await value(a, "INSERT INTO note (text) VALUES ('a') RETURNING id")}


@program("the first number of a serial column is 1")
async def first_serial(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        return {"id": await value(a, "INSERT INTO ticket (text) VALUES ('a') RETURNING id")}


@program("a row that was refused leaves a gap between two ids")
async def gap_after_a_failed_insert(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        first = await value(a, "INSERT INTO note (text) VALUES ('a') RETURNING id")
        await a.commit()
        refused = await error_of(do(a, "INSERT INTO note (text) VALUES ('a')"))
        await a.rollback()
        second = await value(a, "INSERT INTO note (text) VALUES ('b') RETURNING id")
        return {"refused": refused, "step": second - first}


@program("an identity column refuses a number, unless it is told to take it")
async def identity_with_a_number(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        refused = await error_of(do(a, "INSERT INTO note (id, text) VALUES (77, 'a')"))
        await a.rollback()
        await do(a, "INSERT INTO note (id, text) OVERRIDING SYSTEM VALUE VALUES (77, 'a')")
        await a.commit()
        return {"refused": refused, "rows": await rows(a, "SELECT id, text FROM note")}


@program(
    "`currval` fails in a session that has not drawn a number",
    rollback="`currval` and `lastval` see what another session of the test has drawn",
)
async def currval_of_another_session(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await value(a, "SELECT nextval('numbers')")
        await a.commit()
        return {"currval": await error_of(value(b, "SELECT currval('numbers')"))}


@program("`currval` is the number that this session has drawn")
async def currval_of_this_session(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        drawn = await value(a, "SELECT nextval('numbers')")
        await a.commit()
        return {"same": await value(a, "SELECT currval('numbers')") == drawn}


@program("a rollback does not take `setval` back")
async def setval_and_rollback(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await value(a, "SELECT setval('numbers', 500)")
        await a.rollback()
        return {"next": await value(a, "SELECT nextval('numbers')")}


@program("a rollback takes the restart of a sequence back")
async def restart_and_rollback(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await value(a, "SELECT setval('numbers', 500)")
        await a.commit()
        await do(a, "ALTER SEQUENCE numbers RESTART WITH 7")
        within = await value(a, "SELECT nextval('numbers')")
        await a.rollback()
        return {"within": within, "next": await value(a, "SELECT nextval('numbers')")}


@program(
    "each session draws from a range of its own where a sequence caches",
    rollback="all sessions of a test share the cache of a sequence (`CACHE 10`)",
)
async def cached_numbers(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        first = await value(a, "SELECT nextval('cached_numbers')")
        return {"apart": await value(b, "SELECT nextval('cached_numbers')") - first}


@program("a rollback takes TRUNCATE ... RESTART IDENTITY back, with its rows")
async def truncate_and_rollback(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        first = await value(a, "INSERT INTO note (text) VALUES ('a') RETURNING id")
        await a.commit()
        await do(a, "TRUNCATE note RESTART IDENTITY")
        again = await value(a, "INSERT INTO note (text) VALUES ('b') RETURNING id")
        await a.rollback()
        second = await value(a, "INSERT INTO note (text) VALUES ('c') RETURNING id")
        return {
            "again": again,
            "step": second - first,
            "texts": await rows(a, "SELECT text FROM note ORDER BY id"),
        }
