"""The ids of transactions and sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fidelity.program import program
from fidelity.seeing import do, rows, value

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Seen

XID = "SELECT pg_current_xact_id()::text::bigint"
ONE_ID = "all transactions of a test have one id"


@program("rows of one transaction have one xmin")
async def xmin_of_one_transaction(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "INSERT INTO job VALUES (4)", "INSERT INTO job VALUES (5)")
        await a.commit()
        return {"ids": await value(a, "SELECT count(DISTINCT xmin::text) FROM job WHERE id > 3")}


@program("rows of two transactions have two xmin")
async def xmin_of_two_transactions(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "INSERT INTO job VALUES (4)")
        await a.commit()
        await do(a, "INSERT INTO job VALUES (5)")
        await a.commit()
        return {"ids": await value(a, "SELECT count(DISTINCT xmin::text) FROM job WHERE id > 3")}


@program("a row's xmin changes with an update, and not with one that is rolled back")
async def xmin_as_a_version(engine: AsyncEngine) -> Seen:
    question = "SELECT xmin::text FROM job WHERE id = 1"
    async with engine.connect() as a:
        seen = [await value(a, question)]
        for end in (a.rollback, a.commit):
            await do(a, "UPDATE job SET state = 'changed' WHERE id = 1")
            await end()
            seen.append(await value(a, question))
        return {"rolled back": seen[1] == seen[0], "committed": seen[2] == seen[0]}


@program(
    "a row's xmin is the id of the transaction",
    rollback="a row's xmin is not what `pg_current_xact_id()` says",
)
async def xmin_is_the_id(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "INSERT INTO job VALUES (4)")
        question = "SELECT xmin::text = pg_current_xact_id()::text FROM job WHERE id = 4"
        return {"same": await value(a, question)}


@program("a transaction has one id, and the next one another", rollback=ONE_ID)
async def ids_of_transactions(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        first, again = await value(a, XID), await value(a, XID)
        await a.commit()
        return {"same": first == again, "later": await value(a, XID) > first}


@program("a transaction that only reads has no id", rollback="a transaction has an id always")
async def id_of_a_reader(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "INSERT INTO job VALUES (4)")
        await a.commit()
        await rows(a, "TABLE job")
        return {"id": await value(a, "SELECT pg_current_xact_id_if_assigned() IS NULL")}


@program(
    "a committed transaction is known as such",
    rollback="a committed transaction is 'in progress' until the test ends",
)
async def status(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        xid = await value(a, XID)
        await a.commit()
        return {"status": await value(a, f"SELECT pg_xact_status('{xid}')")}


@program(
    "two connections are two processes of the server",
)
async def processes(engine: AsyncEngine) -> Seen:
    question = "SELECT pg_backend_pid()"
    async with engine.connect() as a, engine.connect() as b:
        first, second = await value(a, question), await value(b, question)
        return {"apart": first != second, "same": first == await value(a, question)}


@program(
    "each connection is in pg_stat_activity, by its name",
    rollback="pg_stat_activity has one connection for the whole test",
)
async def activity(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        for name, connection in (("one", a), ("two", b)):
            await do(connection, f"SET application_name = 'fidelity {name}'")
            await connection.commit()
        return {
            "names": await rows(
                a,
                "SELECT application_name FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name LIKE 'fidelity %' ORDER BY 1",
            )
        }
