"""Row-level security."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fidelity.program import program
from fidelity.seeing import do, error_of, rows

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Seen

RED = ("SET LOCAL ROLE fidelity_tenant", "SET LOCAL app.tenant = 'red'")
IDS = "SELECT id FROM secret ORDER BY id"


@program("a tenant sees its own rows, and the owner all")
async def own_rows(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, *RED)
        within = await rows(a, IDS)
        await a.commit()
        return {"within": within, "after": await rows(a, IDS)}


@program("a tenant cannot write a row of another")
async def row_of_another(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, *RED, "INSERT INTO secret VALUES (4, 'red')")
        refused = await error_of(do(a, "INSERT INTO secret VALUES (5, 'blue')"))
        await a.rollback()
        return {"refused": refused, "left": await rows(a, IDS)}


@program("without a tenant there are no rows, also after another transaction had one")
async def no_tenant(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, *RED)
        await a.commit()
        await do(a, "SET LOCAL ROLE fidelity_tenant")
        return {"ids": await rows(a, IDS)}


@program(
    "two sessions are two tenants at the same time",
    rollback="the tenant (a role, a setting) of one open transaction holds for all sessions",
)
async def two_tenants(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, *RED)
        await do(b, "SET LOCAL ROLE fidelity_tenant", "SET LOCAL app.tenant = 'blue'")
        return {"red": await rows(a, IDS), "blue": await rows(b, IDS)}


@program("an update changes the rows of the tenant alone")
async def update(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        await do(a, *RED, "UPDATE secret SET id = id + 100")
        await a.commit()
        return {"ids": await rows(a, IDS)}
