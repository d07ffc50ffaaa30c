"""What one session sees of another, and isolation levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from fidelity.program import program
from fidelity.seeing import do, error_of, rows, value

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Seen

AMOUNT = "SELECT amount FROM item WHERE id = 1"
UNSEEN = "a session sees what others have not committed yet"
SNAPSHOT = "every transaction is READ COMMITTED: it sees what others commit meanwhile"
LEVELS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")


@program("rows that are not committed are not seen by another session", rollback=UNSEEN)
async def uncommitted_rows(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "INSERT INTO job VALUES (4)")
        before = await value(b, "SELECT count(*) FROM job")
        await a.commit()
        return {"before": before, "after": await value(b, "SELECT count(*) FROM job")}


@program("changes that are rolled back were never seen by another session", rollback=UNSEEN)
async def uncommitted_changes(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "UPDATE item SET amount = 99 WHERE id = 1")
        meanwhile = await value(b, AMOUNT)
        await a.rollback()
        return {"meanwhile": meanwhile, "after": await value(b, AMOUNT)}


@program("READ COMMITTED sees in its next statement what another session has committed")
async def read_committed(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        first = await value(a, AMOUNT)
        await do(b, "UPDATE item SET amount = 99 WHERE id = 1")
        await b.commit()
        return {"first": first, "second": await value(a, AMOUNT)}


@program("REPEATABLE READ sees the same until it ends", rollback=SNAPSHOT)
async def repeatable_read(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await a.execution_options(isolation_level="REPEATABLE READ")
        first = await value(a, AMOUNT)
        await do(b, "UPDATE item SET amount = 99 WHERE id = 1")
        await b.commit()
        second = await value(a, AMOUNT)
        await a.commit()
        return {"first": first, "second": second, "third": await value(a, AMOUNT)}


@program("REPEATABLE READ refuses to change what another session changed", rollback=SNAPSHOT)
async def repeatable_read_that_writes(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await a.execution_options(isolation_level="REPEATABLE READ")
        await value(a, AMOUNT)
        await do(b, "UPDATE item SET amount = 99 WHERE id = 1")
        await b.commit()
        refused = await error_of(do(a, "UPDATE item SET amount = 5 WHERE id = 1"))
        await a.rollback()
        return {"refused": refused, "amount": await value(a, AMOUNT)}


@program(
    "SERIALIZABLE refuses the second of two decisions that rest on one another",
    rollback="every transaction is READ COMMITTED: SERIALIZABLE never fails",
)
async def write_skew(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        on_call = "SELECT count(*) FROM doctor WHERE on_call"
        for connection in (a, b):
            await connection.execution_options(isolation_level="SERIALIZABLE")
        counts = [await value(a, on_call), await value(b, on_call)]
        await do(a, "UPDATE doctor SET on_call = false WHERE name = 'Ada'")
        await do(b, "UPDATE doctor SET on_call = false WHERE name = 'Bob'")
        first, second = await error_of(a.commit()), await error_of(b.commit())
        await b.rollback()
        return {
            "counts": counts,
            "first": first,
            "second": second,
            "left": await value(a, on_call),
        }


@program(
    "SERIALIZABLE with a second try ends as if one had come after the other",
    rollback="every transaction is READ COMMITTED: no second try is ever needed",
)
async def serializable_with_retries(engine: AsyncEngine) -> Seen:
    tries = 0
    async with engine.connect() as a, engine.connect() as b:
        for connection in (a, b):
            await connection.execution_options(isolation_level="SERIALIZABLE")
        total = "SELECT sum(amount) FROM item"
        await value(a, total)
        await do(a, "INSERT INTO item VALUES (4, 'a', 1)")
        done = False
        while not done and tries < 3:
            tries += 1
            await do(b, "INSERT INTO item SELECT 5, 'b', sum(amount) FROM item")
            if tries == 1:
                await a.commit()
            done = await error_of(b.commit()) == "no error"
            await b.rollback()
        return {"tries": tries, "amount": await value(a, "SELECT amount FROM item WHERE id = 5")}


@program("a transaction knows its isolation level")
async def shown_level(engine: AsyncEngine) -> Seen:
    shown = []
    for level in LEVELS:
        async with engine.connect() as a:
            await a.execution_options(isolation_level=level)
            shown.append(await value(a, "SHOW transaction_isolation"))
    return {"shown": shown}


@program(
    "SET TRANSACTION chooses the level, and comes too late after a query",
    rollback="`SET TRANSACTION ISOLATION LEVEL` is refused",
)
async def set_transaction(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        serializable = "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"
        early = await error_of(do(a, serializable))
        shown = "" if early != "no error" else await value(a, "SHOW transaction_isolation")
        await a.rollback()
        await value(a, AMOUNT)
        return {"early": early, "shown": shown, "late": await error_of(do(a, serializable))}


@program(
    "a transaction that is READ ONLY refuses to write",
    rollback="writing is refused, but `SHOW transaction_read_only` says `off`",
)
async def read_only(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await a.execution_options(postgresql_readonly=True)
        refused = await error_of(do(a, "INSERT INTO job VALUES (4)"))
        await a.rollback()
        return {"refused": refused, "shown": await value(a, "SHOW transaction_read_only")}


@program("SET TRANSACTION READ ONLY holds for one transaction")
async def set_read_only(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "SET TRANSACTION READ ONLY")
        refused = await error_of(do(a, "INSERT INTO job VALUES (4)"))
        await a.rollback()
        after = await error_of(do(a, "INSERT INTO job VALUES (4)"))
        await a.commit()
        await do(a, "SET TRANSACTION READ ONLY")
        await rows(a, "TABLE job")
        await a.commit()
        return {
            "refused": refused,
            "after": after,
            "later": await error_of(do(a, "INSERT INTO job VALUES (5)")),
        }


@program(
    "READ ONLY of one session does not hold for another",
    rollback="READ ONLY of one open transaction holds for all sessions of the test",
)
async def read_only_of_one_session(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "SET TRANSACTION READ ONLY")
        await rows(a, "TABLE job")
        written = await error_of(do(b, "INSERT INTO job VALUES (4)"))
        await b.commit()
        return {"written": written, "seen": len(await rows(a, "TABLE job"))}


@program(
    "SET SESSION CHARACTERISTICS holds for the transactions that follow",
    rollback="`SET SESSION CHARACTERISTICS` has no effect",
)
async def session_characteristics(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        await a.commit()
        refused = await error_of(do(a, "INSERT INTO job VALUES (4)"))
        await a.rollback()
        await do(a, "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE")
        await a.commit()
        return {"refused": refused, "after": await error_of(do(a, "INSERT INTO job VALUES (4)"))}


@program("READ COMMITTED loses an update that was reckoned from an old value")
async def lost_update(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        old = await value(a, AMOUNT)
        await do(b, "UPDATE item SET amount = amount + 5 WHERE id = 1")
        await b.commit()
        await a.execute(text("UPDATE item SET amount = :new WHERE id = 1"), {"new": old + 1})
        await a.commit()
        return {"amount": await value(b, AMOUNT)}
