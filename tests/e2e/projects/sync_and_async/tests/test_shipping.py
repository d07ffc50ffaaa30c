import asyncio

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from shipping import jobs
from shipping.api import app
from shipping.models import Parcel, new_session


@pytest.mark.parametrize("_again", range(2))
async def test_what_one_engine_writes_the_other_sends(client, _again):
    assert (await client.get("/parcels")).json() == []
    assert (await client.post("/parcels?address=Ada")).status_code == 201
    assert (await client.post("/parcels?address=Ada")).status_code == 409
    assert (await client.post("/send")).json() == 1
    assert (await client.post("/send")).json() == 0
    assert (await client.get("/parcels")).json() == []


@pytest.mark.parametrize("_again", range(2))
async def test_one_engine_alone(client, _again):
    assert (await client.post("/parcels?address=Ada")).json() == 1
    assert (await client.get("/parcels")).json() == ["Ada"]


@pytest.mark.parametrize("_again", range(2))
async def test_the_thread_pool(client, _again):
    answers = await asyncio.gather(
        *(client.post("/import", json=[f"{number} a", f"{number} b"]) for number in range(20))
    )
    assert max(answer.json() for answer in answers) == 40
    assert await asyncio.to_thread(jobs.count_parcels) == 40


@pytest.mark.parametrize("_again", range(2))
async def test_both_at_once(client, _again):
    await asyncio.gather(
        *(client.post(f"/parcels?address={number}") for number in range(10)),
        *(client.post("/import", json=[f"{number} imported"]) for number in range(10)),
    )
    assert len((await client.get("/parcels")).json()) == 20


@pytest.mark.parametrize("_again", range(2))
def test_the_worker_alone(_again):
    jobs.import_parcels(["Ada", "Grace"])
    assert jobs.send_parcels() == 2
    with new_session() as session:
        assert session.scalars(select(Parcel.sent)).all() == [True, True]


@pytest.mark.parametrize("_again", range(2))
def test_both_in_a_synchronous_test(_again):
    jobs.import_parcels(["Ada"])
    with TestClient(app) as web:
        assert web.get("/parcels").json() == ["Ada"]
        assert web.post("/send").json() == 1
        assert web.get("/parcels").json() == []
    assert jobs.count_parcels() == 1
