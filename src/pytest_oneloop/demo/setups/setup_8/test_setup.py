import asyncio

from app import User
from httpx import AsyncClient
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession


async def test_sign_up(client: AsyncClient, db_session: AsyncSession) -> None:
    answer = await client.post("/users", json={"email": "ada@example.com"})
    assert answer.status_code == 201
    assert await db_session.scalar(select(User.email)) == "ada@example.com"


async def test_nobody_has_signed_up_yet(db_session: AsyncSession) -> None:
    assert await db_session.scalar(select(func.count()).select_from(User)) == 0


async def test_two_sign_up_at_once(client: AsyncClient) -> None:
    answers = await asyncio.gather(
        client.post("/users", json={"email": "ada@example.com"}),
        client.post("/users", json={"email": "bob@example.com"}),
    )
    assert [answer.status_code for answer in answers] == [201, 201]
    assert sorted((await client.get("/users")).json()) == ["ada@example.com", "bob@example.com"]


async def test_two_imports_at_once(client: AsyncClient) -> None:
    answers = await asyncio.gather(
        client.post("/users/import", json=["ada@example.com", "bob@example.com"]),
        client.post("/users/import", json=["eve@example.com"]),
    )
    assert [answer.status_code for answer in answers] == [201, 201]
    assert len((await client.get("/users")).json()) == 3
