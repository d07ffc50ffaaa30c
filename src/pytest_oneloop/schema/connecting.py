"""A connection for schema sources that bring none of their own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pytest_oneloop.drivers import NOWHERE, installed_drivername, mysql_drivername

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy import URL, Connection
    from sqlalchemy.ext.asyncio import AsyncConnection


def run_on_connection(work: Callable[[Connection], object], dialect: str = "postgresql") -> None:
    """Run `work` on a connection, in a transaction that is committed afterwards.

    The engine's address leads nowhere: the caller of a build redirects every engine. Must be called
    on a thread without a running event loop.

    Args:
        work: What to do.
        dialect: The name of SQLAlchemy's dialect of the database.
    """
    from sqlalchemy import NullPool, create_engine  # noqa: PLC0415 - only a build pays for it

    url = _nowhere(dialect)
    if url.get_dialect().is_async:

        async def run_sync(connection: AsyncConnection) -> None:
            await connection.run_sync(work)

        run_on_async_connection(run_sync, dialect)
        return
    engine = create_engine(url, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            work(connection)
    finally:
        engine.dispose()


def run_on_async_connection(
    work: Callable[[AsyncConnection], Awaitable[object]], dialect: str = "postgresql"
) -> None:
    """Do as `run_on_connection`, for work that wants an asynchronous connection."""
    from sqlalchemy import NullPool  # noqa: PLC0415 - only a build pays for it
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415

    async def run() -> None:
        engine = create_async_engine(_nowhere(dialect, asynchronous=True), poolclass=NullPool)
        try:
            async with engine.begin() as connection:
                await work(connection)
        finally:
            await engine.dispose()

    asyncio.run(run())


def _nowhere(dialect: str, *, asynchronous: bool = False) -> URL:
    from sqlalchemy import URL  # noqa: PLC0415 - only a build pays for it

    if dialect == "sqlite":
        return URL.create("sqlite+aiosqlite" if asynchronous else "sqlite", database=NOWHERE)
    if dialect == "mysql":
        return URL.create(mysql_drivername(asynchronous=asynchronous), host=NOWHERE)
    return URL.create(installed_drivername(), host=NOWHERE, database="oneloop")
