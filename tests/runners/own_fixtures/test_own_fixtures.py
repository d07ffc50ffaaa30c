import asyncio

import pytest
from sqlalchemy import select

from shop.models import Customer
from tests.factories import count

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("time", [1, 2])
async def test_made_through_the_application_and_the_session(client, db_session, ada, grace, time):
    names = [customer["name"] for customer in (await client.get("/customers")).json()]
    assert sorted(names) == ["Ada", "Grace"]
    assert await count(db_session, Customer) == 2


@pytest.mark.parametrize("time", [1, 2])
async def test_four_sessions(
    client, db_session, own_session, session_on_the_engine, engine_of_the_run, grace, time
):
    assert await own_session.scalar(select(Customer.email)) == "grace@example.org"
    assert await session_on_the_engine.scalar(select(Customer.email)) == "grace@example.org"
    async with engine_of_the_run.begin() as connection:
        await connection.execute(Customer.__table__.insert().values(email="b", name="B"))
    assert await count(db_session, Customer) == 2
    assert await count(own_session, Customer) == 2
    assert len((await client.get("/customers")).json()) == 2


@pytest.mark.parametrize("time", [1, 2])
async def test_left_open(own_session, db_session, time):
    own_session.add(Customer(email="ada@example.org", name="Ada"))
    await own_session.flush()
    db_session.add(Customer(email="grace@example.org", name="Grace"))
    await db_session.flush()


async def test_the_loop_of_a_wide_fixture(lock):
    waiting = asyncio.create_task(lock.acquire())
    await asyncio.sleep(0)
    lock.release()
    await waiting
