import pytest
from sqlalchemy import select

from club.database import AccessToken, User, new_session

ADA = {"email": "ada@example.com", "password": "a long enough one"}


async def log_in(client, member):
    answer = await client.post(
        "/auth/login", data={"username": member["email"], "password": member["password"]}
    )
    assert answer.status_code == 200
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.mark.parametrize("_again", range(2))
async def test_register(client, _again):
    answer = await client.post("/auth/register", json=ADA)
    assert answer.status_code == 201
    assert answer.json()["email"] == "ada@example.com"
    twice = await client.post("/auth/register", json=ADA)
    assert twice.status_code == 400
    assert twice.json() == {"detail": "REGISTER_USER_ALREADY_EXISTS"}
    async with new_session() as session:
        assert (await session.scalars(select(User.email))).unique().all() == ["ada@example.com"]


@pytest.mark.parametrize("_again", range(2))
async def test_log_in_and_out(client, _again):
    assert (await client.post("/auth/register", json=ADA)).status_code == 201
    assert (await client.get("/users/me")).status_code == 401
    headers = await log_in(client, ADA)
    assert (await client.get("/users/me", headers=headers)).json()["email"] == ADA["email"]
    assert (await client.post("/auth/logout", headers=headers)).status_code == 204
    assert (await client.get("/users/me", headers=headers)).status_code == 401
    async with new_session() as session:
        assert (await session.scalars(select(AccessToken.token))).all() == []


async def test_change_the_address(client):
    await client.post("/auth/register", json=ADA)
    headers = await log_in(client, ADA)
    changed = await client.patch(
        "/users/me", headers=headers, json={"email": "ada@lovelace.example"}
    )
    assert changed.json()["email"] == "ada@lovelace.example"


@pytest.mark.parametrize("_again", range(2))
async def test_a_superuser_removes_another(client, _again):
    member = (await client.post("/auth/register", json=ADA)).json()
    steward = ADA | {"email": "steward@club.example"}
    assert (await client.post("/auth/register", json=steward)).status_code == 201
    headers = await log_in(client, steward)
    path = f"/users/{member['id']}"
    assert (await client.delete(path, headers=await log_in(client, ADA))).status_code == 403
    assert (await client.delete(path, headers=headers)).status_code == 204
    assert (await client.get(path, headers=headers)).status_code == 404
