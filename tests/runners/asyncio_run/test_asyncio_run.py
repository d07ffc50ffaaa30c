"""Synchronous tests that run loops themselves, several in one test."""

import asyncio

from sqlalchemy import select

from shop.database import SessionMaker, engine
from shop.main import app
from shop.models import Customer
from tests.factories import a_customer, count


async def store(email):
    async with SessionMaker() as session:
        await a_customer(session, email)


async def stored():
    async with engine.connect() as connection:
        return (await connection.scalars(select(Customer.email))).all()


def work():
    assert asyncio.run(stored()) == []
    asyncio.run(store("ada@example.org"))
    assert asyncio.run(stored()) == ["ada@example.org"]


def test_what_one_loop_commits_the_next_one_sees_1():
    work()


def test_what_one_loop_commits_the_next_one_sees_2():
    work()


def test_the_clients_of_two_loops_and_a_session(oneloop, db_session):
    async def register(email):
        async with oneloop.client(app) as client:
            response = await client.post("/customers", json={"email": email, "name": "N"})
            return response.status_code

    assert asyncio.run(register("ada@example.org")) == 201
    assert asyncio.run(register("ada@example.org")) == 409
    assert asyncio.run(count(db_session, Customer)) == 1


def test_a_runner():
    with asyncio.Runner() as runner:
        runner.run(store("ada@example.org"))
        assert runner.run(stored()) == ["ada@example.org"]
