from app import User
from httpx import AsyncClient
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession


async def test_a_user_is_stored(db_session: AsyncSession) -> None:
    db_session.add(User(email="ada@example.com"))
    await db_session.commit()
    assert await db_session.scalar(select(User.email)) == "ada@example.com"


async def test_sign_up(client: AsyncClient, db_session: AsyncSession) -> None:
    answer = await client.post("/users", json={"email": "bob@example.com"})
    assert answer.status_code == 201
    user = await db_session.scalar(select(User).where(User.email == "bob@example.com"))
    assert user is not None
    assert user.id == answer.json()["id"]


async def test_the_list_has_who_signed_up(client: AsyncClient) -> None:
    await client.post("/users", json={"email": "eve@example.com"})
    assert "eve@example.com" in (await client.get("/users")).json()
