from app import User
from httpx import AsyncClient
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession


async def test_a_user_is_stored(db_session: AsyncSession) -> None:
    db_session.add(User(email="ada@example.com"))
    await db_session.commit()
    user = await db_session.scalar(select(User).where(User.email == "ada@example.com"))
    assert user is not None


async def test_sign_up(client: AsyncClient, db_session: AsyncSession) -> None:
    # The session's transaction stands open around the request.
    assert "bob@example.com" not in set(await db_session.scalars(select(User.email)))
    answer = await client.post("/users", json={"email": "bob@example.com"})
    assert answer.status_code == 201
    assert "bob@example.com" in set(await db_session.scalars(select(User.email)))


async def test_an_email_is_taken_once(client: AsyncClient) -> None:
    first = await client.post("/users", json={"email": "eve@example.com"})
    second = await client.post("/users", json={"email": "eve@example.com"})
    assert (first.status_code, second.status_code) == (201, 409)
