import asyncio

import pytest
from sqlalchemy import select

from todo.models import Task

DEMO = {"X-Tenant": "demo"}


@pytest.mark.parametrize("_again", range(2))
async def test_a_task_of_a_tenant_that_is_there(client, _again):
    assert (await client.get("/tasks", headers=DEMO)).json() == []
    assert (await client.post("/tasks?title=write", headers=DEMO)).json() == 1
    assert (await client.post("/tasks?title=write", headers=DEMO)).status_code == 409
    assert (await client.get("/tasks", headers=DEMO)).json() == ["write"]


@pytest.mark.parametrize("_again", range(2))
async def test_two_tenants_see_their_own(client, _again):
    assert (await client.post("/tenants/acme")).status_code == 201
    acme = {"X-Tenant": "acme"}
    await client.post("/tasks?title=write", headers=DEMO)
    assert (await client.get("/tasks", headers=acme)).json() == []
    assert (await client.post("/tasks?title=write", headers=acme)).status_code == 201
    assert (await client.post("/tasks?title=read", headers=acme)).status_code == 201
    assert (await client.get("/tasks", headers=DEMO)).json() == ["write"]
    assert (await client.get("/tasks", headers=acme)).json() == ["write", "read"]


@pytest.mark.parametrize("_again", range(2))
async def test_a_tenant_that_is_taken_leaves_no_schema(client, _again):
    assert (await client.post("/tenants/acme")).status_code == 201
    assert (await client.post("/tenants/acme")).status_code == 409
    assert (await client.get("/tasks", headers={"X-Tenant": "acme"})).json() == []
    assert (await client.get("/tasks", headers={"X-Tenant": "other"})).status_code == 404


async def test_twenty_requests_of_two_tenants(client):
    await client.post("/tenants/acme")
    answers = await asyncio.gather(
        *(
            client.post(f"/tasks?title=task {number}", headers={"X-Tenant": tenant})
            for number in range(10)
            for tenant in ("acme", "demo")
        )
    )
    assert {answer.status_code for answer in answers} == {201}
    for tenant in ("acme", "demo"):
        assert len((await client.get("/tasks", headers={"X-Tenant": tenant})).json()) == 10


async def test_the_test_s_own_session_with_a_map(client, db_session):
    await client.post("/tasks?title=write", headers=DEMO)
    await db_session.connection(
        execution_options={"schema_translate_map": {"tenant": "tenant_demo"}}
    )
    assert (await db_session.scalars(select(Task.title))).all() == ["write"]
