"""Short ways to send a statement and to look at what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncpg import PostgresError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

    Connection = AsyncConnection | AsyncSession


async def do(connection: Connection, *statements: str) -> None:
    """Send statements, one after the other."""
    for sql in statements:
        await connection.execute(text(sql))


async def rows(connection: Connection, sql: str) -> list[list[Any]]:
    """Return all rows of a query."""
    return [list(row) for row in (await connection.execute(text(sql))).all()]


async def value(connection: Connection, sql: str) -> Any:
    """Return the first value of a query's first row; `None` if there is no row."""
    return (await connection.execute(text(sql))).scalar()


async def error_of(doing: Awaitable[object]) -> str:
    """Return the class and the SQLSTATE of the database's error; other errors go through."""
    try:
        await doing
    except (DBAPIError, PostgresError) as error:
        return describe(error)
    return "no error"


def error_in(call: Callable[[], object]) -> str:
    """Return the same of a synchronous call."""
    try:
        call()
    except DBAPIError as error:
        return describe(error)
    return "no error"


def describe(error: BaseException) -> str:
    """Return an error's class, and its SQLSTATE if it has one."""
    origin = getattr(error, "orig", None) or error
    state = getattr(origin, "sqlstate", None) or getattr(origin, "pgcode", None)
    return f"{type(error).__name__} {state}" if state else type(error).__name__
