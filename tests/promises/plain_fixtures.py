"""The two fixtures as they are without any isolation: loaded by `-p`, from outside the project."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest_asyncio
from httpx import ASGITransport, AsyncClient

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


@pytest_asyncio.fixture(loop_scope="session")
async def client() -> AsyncIterator[AsyncClient]:
    from shop.main import app  # noqa: PLC0415 - the project's folder is not on the path yet

    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=ASGITransport(app), base_url="http://shop") as client,
    ):
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def db_session() -> "AsyncIterator[AsyncSession]":
    from shop.database import SessionMaker  # noqa: PLC0415 - the same

    async with SessionMaker() as session:
        yield session
