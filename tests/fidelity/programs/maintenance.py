"""Statements that refuse to run in a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fidelity.program import program
from fidelity.seeing import do, error_of, value

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Seen

INSIDE = "refused: the whole test is one transaction"
DATABASE = "SELECT count(*) FROM pg_database WHERE datname = '{}'"


async def alone(engine: AsyncEngine, *statements: str) -> list[str]:
    """Return the error of each statement under AUTOCOMMIT."""
    async with engine.connect() as a:
        await a.execution_options(isolation_level="AUTOCOMMIT")
        return [await error_of(do(a, statement)) for statement in statements]


@program("VACUUM runs under AUTOCOMMIT", rollback=INSIDE)
async def vacuum(engine: AsyncEngine) -> Seen:
    return {"errors": await alone(engine, "VACUUM job", "VACUUM ANALYZE item")}


@program("VACUUM is refused in a transaction")
async def vacuum_in_a_transaction(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        return {"refused": await error_of(do(a, "VACUUM job"))}


@program(
    "CREATE INDEX CONCURRENTLY runs under AUTOCOMMIT, and DROP and REINDEX too", rollback=INSIDE
)
async def index_concurrently(engine: AsyncEngine) -> Seen:
    statements = (
        "CREATE INDEX CONCURRENTLY by_state ON job (state)",
        "REINDEX INDEX CONCURRENTLY by_state",
        "DROP INDEX CONCURRENTLY by_state",
    )
    return {"errors": await alone(engine, *statements)}


@program("CREATE DATABASE and DROP DATABASE run under AUTOCOMMIT", rollback=INSIDE)
async def create_database(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        # Other databases of the server have this program's database as well.
        name = "made_by_" + await value(a, "SELECT md5(current_database())")
        await a.rollback()
        question = DATABASE.format(name)
        created = await alone(engine, f"CREATE DATABASE {name}")
        there = await value(a, question)
        await a.rollback()
        dropped = await alone(engine, f"DROP DATABASE {name}")
        return {
            "errors": created + dropped,
            "there": there,
            "after": await value(a, question),
        }


@program("ANALYZE runs in a transaction, and goes with the rollback")
async def analyze(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a:
        return {"error": await error_of(do(a, "ANALYZE job"))}


@program("a materialised view is refreshed beside its readers")
async def refresh(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "CREATE MATERIALIZED VIEW states AS SELECT id, state FROM job")
        await do(a, "CREATE UNIQUE INDEX states_id ON states (id)")
        await a.commit()
        await do(a, "INSERT INTO job VALUES (4)")
        before = await value(b, "SELECT count(*) FROM states")
        await do(a, "REFRESH MATERIALIZED VIEW CONCURRENTLY states")
        await a.commit()
        return {"before": before, "after": await value(b, "SELECT count(*) FROM states")}


@program("ALTER SYSTEM runs under AUTOCOMMIT", rollback=INSIDE)
async def alter_system(engine: AsyncEngine) -> Seen:
    # There is nothing to reset, so that nothing is changed for others.
    return {"errors": await alone(engine, "ALTER SYSTEM RESET log_statement")}
