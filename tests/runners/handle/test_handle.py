import subprocess

import asyncpg
import psycopg
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from pytest_oneloop.databases.binaries import find_binaries
from shop.database import SessionMaker, engine
from shop.models import Customer
from tests.factories import a_customer, count


def test_the_strategy(oneloop):
    assert oneloop.strategy == "rollback"


def test_asking_for_the_database_brings_it_up(oneloop):
    with psycopg.connect(oneloop.plain_url) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == (oneloop.database,)
        assert connection.execute("SELECT count(*) FROM categories").fetchone() == (3,)


async def test_asyncpg_takes_the_plain_url(oneloop):
    connection = await asyncpg.connect(oneloop.plain_url, timeout=30)
    assert await connection.fetchval("SELECT current_database()") == oneloop.database
    await connection.close()


def test_psql_takes_the_plain_url(oneloop):
    psql = find_binaries(None).bindir / "psql"
    command = [psql, "-Atc", "SELECT current_database()", oneloop.plain_url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == oneloop.database


async def test_the_application_is_in_that_database(oneloop):
    async with engine.connect() as connection:
        database = await connection.scalar(text("SELECT current_database()"))
    assert database == oneloop.database == make_url(oneloop.url).database


async def test_an_engine_made_from_the_url(oneloop):
    made = create_async_engine(oneloop.url)
    async with made.connect() as connection:
        assert await connection.scalar(text("SELECT current_database()")) == oneloop.database
    await made.dispose()
    assert make_url(oneloop.url).drivername == "postgresql+asyncpg"


@pytest.mark.oneloop(strategy="rollback")
async def test_another_program_sees_nothing_of_the_test(oneloop, db_session):
    await a_customer(db_session)
    with psycopg.connect(oneloop.plain_url) as connection:
        assert connection.execute("SELECT count(*) FROM customers").fetchone() == (0,)
    assert await count(db_session, Customer) == 1


async def test_another_program_sees_what_was_committed(oneloop, db_session):
    await a_customer(db_session)
    await db_session.commit()
    with psycopg.connect(oneloop.plain_url) as connection:
        assert connection.execute("SELECT count(*) FROM customers").fetchone() == (1,)
    assert oneloop.strategy == "clone"


@pytest.mark.parametrize("time", [1, 2])
async def test_statements_are_counted_for_each_test(oneloop, db_session, time):
    assert oneloop.statement_count == 0
    await db_session.execute(text("SELECT 1"))
    assert oneloop.statement_count == 1
    await db_session.commit()
    assert oneloop.statement_count == 1
    async with SessionMaker() as session, session.begin_nested():
        await session.execute(text("SELECT 2"))
    # SAVEPOINT, SELECT, RELEASE
    assert oneloop.statement_count == 4


async def test_the_driver_is_not_counted(oneloop):
    async with engine.connect() as connection:
        raw = await connection.get_raw_connection()
        assert await raw.driver_connection.fetchval("SELECT 7") == 7
    assert oneloop.statement_count == 0


async def test_requests_are_counted(oneloop, client):
    before = oneloop.statement_count
    await client.get("/customers")
    assert oneloop.statement_count - before == 1


async def test_two_clients_of_the_application(oneloop):
    async with oneloop.client() as one, oneloop.client() as other:
        await one.post("/customers", json={"email": "ada@example.org", "name": "Ada"})
        assert len((await other.get("/customers")).json()) == 1


async def test_a_client_of_another_application(oneloop):
    app = FastAPI()
    app.get("/")(lambda: "another")
    async with oneloop.client(app) as client:
        assert (await client.get("/")).json() == "another"
