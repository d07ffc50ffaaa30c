import pytest
from sqlalchemy import text

from shop.models import Category, Customer
from tests.factories import a_customer, count


@pytest.fixture(scope="session")
def oneloop_database_url():
    return "postgresql+psycopg://nobody@db.invalid/production"


@pytest.mark.parametrize("time", [1, 2])
async def test_mine(db_session, db_engine, oneloop, time):
    assert db_engine.dialect.driver == "psycopg"
    assert await db_session.scalar(text("SELECT current_database()")) == oneloop.database
    assert await count(db_session, Category) == 3
    assert await count(db_session, Customer) == 0
    await a_customer(db_session)
    assert await count(db_session, Customer) == 1
