import pytest
from app import User
from httpx import AsyncClient
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_sign_up(client: AsyncClient, db_session: AsyncSession) -> None:
    answer = await client.post("/users", json={"email": "ada@example.com"})
    assert answer.status_code == 201
    assert await db_session.scalar(select(User.email)) == "ada@example.com"


async def test_an_email_is_taken_once(client: AsyncClient) -> None:
    first = await client.post("/users", json={"email": "eve@example.com"})
    second = await client.post("/users", json={"email": "eve@example.com"})
    assert (first.status_code, second.status_code) == (201, 409)


async def test_nobody_has_signed_up_yet(client: AsyncClient, db_session: AsyncSession) -> None:
    assert await db_session.scalar(select(func.count()).select_from(User)) == 0
    assert (await client.get("/users")).json() == []
