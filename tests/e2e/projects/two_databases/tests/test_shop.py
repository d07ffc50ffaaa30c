import asyncio

import pytest
from sqlalchemy import inspect, select

from shop import analytics, orders
from shop.sessions import new_session


@pytest.mark.parametrize("_again", range(2))
async def test_an_order_is_in_both(client, _again):
    assert (await client.get("/orders")).json() == ["the first"]
    assert (await client.post("/orders?item=tea")).json() == 2
    assert (await client.get("/orders")).json() == ["the first", "tea"]
    assert (await client.get("/events")).json() == {"asked": 1, "looked": 2, "sold": 1}


@pytest.mark.parametrize("_again", range(2))
async def test_what_one_has_refused_the_other_has_kept(client, _again):
    assert (await client.post("/orders?item=tea")).status_code == 201
    assert (await client.post("/orders?item=tea")).status_code == 409
    assert (await client.get("/events")).json() == {"asked": 2, "sold": 1}


@pytest.mark.parametrize("_again", range(2))
async def test_twenty_orders_at_once(client, _again):
    answers = await asyncio.gather(*(client.post(f"/orders?item={n % 15}") for n in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] * 15 + [409] * 5
    assert (await client.get("/events")).json() == {"asked": 20, "sold": 15}


@pytest.mark.parametrize("_again", range(2))
async def test_a_session_for_both_is_rolled_back_in_both(client, _again):
    async with new_session() as session:
        session.add_all([orders.Order(item="tea"), analytics.Event(what="sold tea")])
        await session.flush()
        assert len(list(await session.scalars(select(analytics.Event)))) == 1
        await session.rollback()
    assert (await client.get("/events")).json() == {}
    assert (await client.post("/orders?item=tea")).status_code == 201


@pytest.mark.parametrize("_again", range(2))
async def test_each_has_its_own_tables(_again):
    found = []
    for engine in (orders.engine, analytics.engine):
        async with engine.connect() as connection:
            found.append(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))
    assert [sorted(names) for names in found] == [["alembic_version", "orders"], ["events"]]
