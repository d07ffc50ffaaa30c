"""Large objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fidelity.program import program
from fidelity.seeing import do, error_of, value

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Seen


@program("a large object is kept by the commit, and goes with the rollback")
async def kept(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        first = await value(a, "SELECT lo_from_bytea(0, 'kept'::bytea)")
        await a.commit()
        second = await value(a, "SELECT lo_from_bytea(0, 'lost'::bytea)")
        await a.rollback()
        return {
            "kept": await value(b, f"SELECT convert_from(lo_get({first}), 'UTF8')"),
            "lost": await error_of(value(b, f"SELECT lo_get({second})")),
        }


@program(
    "a descriptor of a large object is good until the transaction ends",
    rollback="a descriptor of a large object is good until the test ends",
)
async def descriptor(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        oid = await value(a, "SELECT lo_from_bytea(0, 'abcdef'::bytea)")
        handle = await value(a, f"SELECT lo_open({oid}, 262144)")
        part = await value(a, f"SELECT convert_from(loread({handle}, 3), 'UTF8')")
        await a.commit()
        return {"part": part, "after": await error_of(value(a, f"SELECT loread({handle}, 3)"))}


@program("a large object that was unlinked is back after the rollback")
async def unlinked(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        oid = await value(a, "SELECT lo_from_bytea(0, 'kept'::bytea)")
        await a.commit()
        await do(a, f"SELECT lo_unlink({oid})")
        within = await error_of(value(a, f"SELECT lo_get({oid})"))
        await a.rollback()
        return {
            "within": within,
            "after": await value(a, f"SELECT convert_from(lo_get({oid}), 'UTF8')"),
        }
