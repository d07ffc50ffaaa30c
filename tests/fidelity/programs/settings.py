"""Settings, roles and the search path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from fidelity.program import program
from fidelity.seeing import do, error_of, rows, value

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Seen

MEMORY = "SELECT current_setting('work_mem')"
OWNER = "SELECT current_setting('app.owner', true)"


@program("SET LOCAL ends with the commit, and with the rollback")
async def local_setting(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        before = await value(a, MEMORY)
        await do(a, "SET LOCAL work_mem = '77MB'")
        within = await value(a, MEMORY)
        await a.commit()
        committed = await value(a, MEMORY) == before
        await do(a, "SET LOCAL work_mem = '78MB'")
        await a.rollback()
        return {
            "within": within,
            "committed": committed,
            "rolled back": await value(a, MEMORY) == before,
        }


@program("SET stays after the commit, and goes with the rollback")
async def session_setting(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "SET work_mem = '77MB'")
        await a.commit()
        committed = await value(a, MEMORY)
        await do(a, "SET work_mem = '78MB'")
        await a.rollback()
        return {"committed": committed, "rolled back": await value(a, MEMORY)}


@program("SET LOCAL in a savepoint goes with the savepoint's rollback")
async def local_setting_in_a_savepoint(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "SET LOCAL work_mem = '77MB'")
        nested = await a.begin_nested()
        await do(a, "SET LOCAL work_mem = '78MB'")
        await nested.rollback()
        back = await value(a, MEMORY)
        await a.commit()
        return {"back": back, "after": await value(a, MEMORY) == "77MB"}


@program(
    "SET holds for one connection",
    rollback="`SET` on one connection holds for all connections of the test",
)
async def setting_of_one_connection(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "SET work_mem = '77MB'")
        await a.commit()
        return {"other": await value(b, MEMORY) == "77MB"}


@program(
    "SET LOCAL is not seen by another open session",
    rollback="`SET LOCAL` holds for all connections of the test while the transaction is open",
)
async def local_setting_of_one_connection(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "SET LOCAL work_mem = '77MB'")
        return {"other": await value(b, MEMORY) == "77MB"}


@program(
    "a new connection begins with the server's settings",
    rollback="`SET` outlives the connection that it was sent on",
)
async def setting_of_a_closed_connection(engine: AsyncEngine) -> Seen:
    fresh = create_async_engine(engine.url, poolclass=NullPool)
    async with fresh.connect() as a:
        await do(a, "SET work_mem = '77MB'")
        await a.commit()
    async with fresh.connect() as b:
        return {"kept": await value(b, MEMORY) == "77MB"}


@program("a connection that comes back from the pool has kept its settings")
async def setting_of_a_pooled_connection(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "SET work_mem = '77MB'")
        await a.commit()
    async with engine.connect() as again:
        return {"kept": await value(again, MEMORY)}


@program("a setting of the application's own is empty after its transaction")
async def own_setting(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "SELECT set_config('app.owner', 'Ada', true)")
        within = await value(a, OWNER)
        await a.commit()
        return {"within": within, "after": await value(a, OWNER) or ""}


@program("the search path decides which table a name means")
async def search_path(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "SET LOCAL search_path = other, public")
        within = await rows(a, "SELECT id, name FROM item")
        await a.commit()
        return {"within": within, "after": await value(a, "SELECT count(*) FROM item")}


@program("a search path that was set stays for the connection, and an unknown table fails")
async def search_path_of_a_session(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "SET search_path = other")
        await a.commit()
        first = await rows(a, "SELECT id FROM item")
        unknown = await error_of(do(a, "TABLE parent"))
        await a.rollback()
        return {"first": first, "unknown": unknown, "again": await rows(a, "SELECT id FROM item")}


@program("a role that was set has its own rights, until it is reset")
async def role(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "SET ROLE fidelity_tenant")
        await a.commit()
        refused = await error_of(do(a, "TABLE item"))
        await a.rollback()
        still = await value(a, "SELECT current_user")
        await do(a, "RESET ROLE")
        await a.commit()
        return {
            "refused": refused,
            "still": still,
            "after": await value(a, "SELECT count(*) FROM item"),
        }


@program("SET LOCAL ROLE ends with the transaction, also after an error")
async def local_role(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, "SET LOCAL ROLE fidelity_tenant")
        refused = await error_of(do(a, "TABLE item"))
        await a.rollback()
        return {"refused": refused, "after": await value(a, "SELECT count(*) FROM item")}
