"""Asynchronous fixtures of a project's own, of every kind, beside the plugin's."""

import asyncio
import os

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import async_sessionmaker

from shop.database import SessionMaker
from shop.models import Customer
from tests.factories import a_customer

async_fixture = pytest_asyncio.fixture if os.environ["MODE"] == "strict" else pytest.fixture


@async_fixture
async def ada(client):
    """Made through the application."""
    response = await client.post("/customers", json={"email": "ada@example.org", "name": "Ada"})
    return response.json()


@async_fixture
async def grace(db_session):
    """Made through the session, and looked at once more after the test."""
    customer = await a_customer(db_session)
    yield customer
    await db_session.refresh(customer)
    assert customer.name == "Grace"


@async_fixture
async def own_session():
    """A session from the application's own sessionmaker, closed by the fixture."""
    async with SessionMaker() as session:
        yield session


@async_fixture
async def session_on_the_engine(db_engine):
    async with async_sessionmaker(db_engine)() as session:
        yield session


@async_fixture(scope="session")
async def lock():
    """Bound to a loop, so that it proves that the fixture shares the loop of the tests."""
    lock = asyncio.Lock()
    async with lock:
        waiting = asyncio.create_task(lock.acquire())
        await asyncio.sleep(0)
    await waiting
    yield lock
    lock.release()


@async_fixture(scope="session")
async def engine_of_the_run(db_engine):
    """Outlives every test, and is used before the first one and after the last one."""
    async with db_engine.connect() as connection:
        assert (await connection.execute(Customer.__table__.select())).all() == []
    yield db_engine
    async with db_engine.connect() as connection:
        await connection.execute(Customer.__table__.delete())
        await connection.commit()
