import pytest

from shop.database import SessionMaker
from shop.models import Customer
from tests.factories import a_customer, count


@pytest.fixture
async def db_session():
    async with SessionMaker(info={"mine": True}) as session:
        yield session


@pytest.mark.parametrize("time", [1, 2])
async def test_mine(client, db_session, time):
    assert db_session.info == {"mine": True}
    assert await count(db_session, Customer) == 0
    await a_customer(db_session)
    assert len((await client.get("/customers")).json()) == 1
