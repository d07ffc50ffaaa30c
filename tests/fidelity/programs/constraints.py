"""Constraints that are checked at the commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fidelity.program import program
from fidelity.seeing import do, error_of, rows, value

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Seen


@program("a deferred foreign key that is broken fails the commit, and nothing of it stays")
async def broken_foreign_key(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        insert = await error_of(do(a, "INSERT INTO child VALUES (1, 99)"))
        commit = await error_of(a.commit())
        await a.rollback()
        return {"insert": insert, "commit": commit, "left": await rows(a, "TABLE child")}


@program("a deferred foreign key may be broken until the commit")
async def foreign_key_kept_in_time(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "INSERT INTO child VALUES (1, 5)", "INSERT INTO parent VALUES (5)")
        commit = await error_of(a.commit())
        return {"commit": commit, "left": await rows(a, "TABLE child")}


@program("a foreign key does not see a row that another session has not committed")
async def foreign_key_to_what_is_not_committed(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(b, "INSERT INTO parent VALUES (5)")
        await do(a, "INSERT INTO child VALUES (1, 5)")
        commit = await error_of(a.commit())
        await a.rollback()
        await b.rollback()
        return {"commit": commit, "left": await rows(a, "TABLE child")}


@program("another session's commit can keep a deferred foreign key")
async def foreign_key_kept_by_another(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "INSERT INTO child VALUES (1, 5)")
        await do(b, "INSERT INTO parent VALUES (5)")
        other = await error_of(b.commit())
        commit = await error_of(a.commit())
        return {"other": other, "commit": commit, "left": await rows(a, "TABLE child")}


@program("a commit does not meet the broken rows of another session")
async def broken_in_another_session(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "INSERT INTO child VALUES (1, 99)")
        await do(b, "INSERT INTO parent VALUES (5)")
        return {"other": await error_of(b.commit()), "own": await error_of(a.commit())}


@program("two rows can swap a unique value while its check is deferred")
async def swap_of_unique_values(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(
            a,
            "SET CONSTRAINTS ALL DEFERRED",
            "UPDATE seat SET place = 2 WHERE id = 1",
            "UPDATE seat SET place = 1 WHERE id = 2",
        )
        commit = await error_of(a.commit())
        return {"commit": commit, "seats": await rows(a, "SELECT * FROM seat ORDER BY id")}


@program("SET CONSTRAINTS holds for one transaction")
async def set_constraints_ends_with_the_transaction(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "SET CONSTRAINTS ALL DEFERRED")
        await a.commit()
        return {"later": await error_of(do(a, "UPDATE seat SET place = 2 WHERE id = 1"))}


@program("SET CONSTRAINTS ALL IMMEDIATE checks at once")
async def checked_before_the_commit(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "INSERT INTO child VALUES (1, 99)")
        check = await error_of(do(a, "SET CONSTRAINTS ALL IMMEDIATE"))
        await a.rollback()
        return {"check": check, "left": await rows(a, "TABLE child")}


@program("a broken row that a savepoint took back does not fail the commit")
async def broken_row_taken_back(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "INSERT INTO parent VALUES (5)")
        nested = await a.begin_nested()
        await do(a, "INSERT INTO child VALUES (1, 99)")
        await nested.rollback()
        commit = await error_of(a.commit())
        return {"commit": commit, "parents": await value(a, "SELECT count(*) FROM parent")}


@program("a deferred constraint trigger refuses at the commit")
async def trigger_that_refuses(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "INSERT INTO entry VALUES (1, 50)")
        commit = await error_of(a.commit())
        await a.rollback()
        await do(a, "INSERT INTO entry VALUES (1, 50)", "INSERT INTO entry VALUES (2, -50)")
        balanced = await error_of(a.commit())
        return {
            "commit": commit,
            "balanced": balanced,
            "left": await rows(a, "SELECT * FROM entry ORDER BY id"),
        }


@program("a deferred constraint trigger writes at the commit, not before")
async def trigger_that_writes(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "INSERT INTO sale VALUES (1)")
        before = await value(a, "SELECT count(*) FROM audit")
        await a.commit()
        return {"before": before, "after": await rows(a, "SELECT sale_id FROM audit")}
