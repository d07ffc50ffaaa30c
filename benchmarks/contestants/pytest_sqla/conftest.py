"""pytest-sqla, as its own documentation shows it for FastAPI, on one session loop."""

from collections.abc import AsyncIterator

import pytest
from app import app, get_session
from httpx import ASGITransport, AsyncClient
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker


@pytest.fixture(scope="session")
def sqla_session_options() -> dict[str, bool]:
    return {"expire_on_commit": False}


@pytest.fixture
def db_session(sqla_async_session: AsyncSession) -> AsyncSession:
    return sqla_async_session


@pytest.fixture
async def client(
    sqla_async_sessionmaker: async_sessionmaker[AsyncSession],
) -> AsyncIterator[AsyncClient]:
    async def override() -> AsyncIterator[AsyncSession]:
        async with sqla_async_sessionmaker() as session:
            yield session

    app.dependency_overrides[get_session] = override
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        yield client
    app.dependency_overrides.clear()
