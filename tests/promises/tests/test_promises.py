"""A pair of tests for every way that a row can get through from one test to the next.

Both do the same: find nothing of it, write it, and find it. The row is of its own for each pair,
so that without isolation exactly one of each pair passes, the one that comes first.
"""

import asyncio

import pytest
from sqlalchemy import NullPool, create_engine, delete, func, insert, select, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from shop.database import SessionMaker, engine
from shop.models import AuditEntry, Category, Confirmation, Customer, Product, Setting
from shop.settings import settings
from tests.factories import a_customer, a_product, buy

both = pytest.mark.parametrize("time", [1, 2])
LEFT_OPEN = []


async def rows(db_session, model, **values):
    return await db_session.scalar(select(func.count()).select_from(model).filter_by(**values))


@both
async def test_a_commit_in_the_application(client, db_session, time):
    who = {"email": "application@example.org", "name": "A"}
    assert await rows(db_session, Customer, **who) == 0
    assert (await client.post("/customers", json=who)).status_code == 201
    assert await rows(db_session, Customer, **who) == 1


@both
async def test_a_commit_in_the_test(db_session, time):
    who = {"email": "test@example.org", "name": "T"}
    assert await rows(db_session, Customer, **who) == 0
    await a_customer(db_session, **who)
    assert await rows(db_session, Customer, **who) == 1


@both
async def test_the_middleware_with_a_session_of_its_own(client, db_session, time):
    path = "/settings/middleware"
    assert await rows(db_session, AuditEntry, path=path) == 0
    assert (await client.put(path, json={"value": 1})).status_code == 404
    assert await rows(db_session, AuditEntry, path=path) == 1


@both
async def test_the_background_task(client, db_session, time):
    email = "background@example.org"
    assert await rows(db_session, Confirmation, email=email) == 0
    buyer = await a_customer(db_session, email)
    assert (await buy(client, buyer, await a_product(db_session, "background"))).status_code == 201
    assert await rows(db_session, Confirmation, email=email) == 1


@both
async def test_a_function_that_begins_on_the_engine(client, db_session, time):
    games = await db_session.scalar(select(Category.id).where(Category.name == "games"))
    assert await rows(db_session, Product, sku="engine") == 0
    async with engine.begin() as connection:
        await connection.execute(
            insert(Product).values(
                category_id=games, sku="engine", name="E", price_cents=100, stock=1
            )
        )
    change = {"category": "games", "percent": 10}
    assert (await client.post("/products/prices", json=change)).json()["rows"] >= 1
    assert await rows(db_session, Product, sku="engine", price_cents=110) == 1


@both
async def test_copy_by_the_driver(client, db_session, time):
    book = {"category": "books", "sku": "copy", "name": "C", "price_cents": 9, "stock": 1}
    assert await rows(db_session, Product, sku="copy") == 0
    assert (await client.post("/products/import", json=[book])).status_code == 201
    assert await rows(db_session, Product, sku="copy") == 1


@both
async def test_a_transaction_of_the_driver(db_session, time):
    assert await rows(db_session, Setting, key="driver") == 0
    async with engine.connect() as connection:
        raw = await connection.get_raw_connection()
        async with raw.driver_connection.transaction():
            await raw.driver_connection.execute("INSERT INTO settings VALUES ('driver', 1)")
    assert await rows(db_session, Setting, key="driver") == 1


@both
async def test_autocommit(db_session, time):
    assert await rows(db_session, Setting, key="autocommit") == 0
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(insert(Setting).values(key="autocommit", value=1))
    assert await rows(db_session, Setting, key="autocommit") == 1


@both
async def test_an_engine_that_the_test_makes(db_session, time):
    assert await rows(db_session, Setting, key="own engine") == 0
    own = create_async_engine(settings.database_url, poolclass=NullPool)
    async with own.begin() as connection:
        await connection.execute(insert(Setting).values(key="own engine", value=1))
    await own.dispose()
    assert await rows(db_session, Setting, key="own engine") == 1


@both
def test_an_engine_without_asyncio(time):
    url = make_url(settings.database_url).set(drivername="postgresql+psycopg2")
    synchronous = create_engine(url)
    with synchronous.connect() as connection:
        count = select(func.count()).select_from(Setting).filter_by(key="no asyncio")
        assert connection.scalar(count) == 0
        connection.execute(insert(Setting).values(key="no asyncio", value=1))
        connection.commit()
        assert connection.scalar(count) == 1
    synchronous.dispose()


@both
async def test_rows_of_a_migration_that_are_changed(db_session, time):
    assert await rows(db_session, Category, name="vouchers") == 1
    await db_session.execute(update(Category).filter_by(name="vouchers").values(name="coupons"))
    await db_session.commit()
    assert await rows(db_session, Category, name="vouchers") == 0


@both
async def test_rows_of_a_migration_that_are_deleted(db_session, time):
    assert await rows(db_session, Product, sku="gift-card") == 1
    await db_session.execute(delete(Product).filter_by(sku="gift-card"))
    await db_session.commit()
    assert await rows(db_session, Product, sku="gift-card") == 0


@both
async def test_a_table_that_the_test_makes(db_session, time):
    assert await db_session.scalar(text("SELECT to_regclass('scratch') IS NULL"))
    await db_session.execute(text("CREATE TABLE scratch (id int)"))
    await db_session.commit()
    assert await db_session.scalar(text("SELECT to_regclass('scratch') IS NOT NULL"))


@both
async def test_a_session_left_open_with_a_lock(db_session, time):
    session = SessionMaker()
    LEFT_OPEN.append(session)
    await session.execute(text("SET LOCAL lock_timeout = 500"))
    # Another one that is not committed makes this wait.
    await session.execute(insert(Setting).values(key="left open", value=1))


@both
async def test_a_task_that_commits_after_its_test(db_session, time):
    await asyncio.sleep(0.2)
    assert await rows(db_session, Setting, key="late") == 0
    session = SessionMaker()
    await session.execute(insert(Setting).values(key="late", value=1))

    async def commit_later():
        await asyncio.sleep(0.1)
        await session.commit()

    late = asyncio.create_task(commit_later())
    late.add_done_callback(asyncio.Task.exception)
    LEFT_OPEN.append(late)


@both
async def test_twenty_requests_at_once(client, db_session, time):
    assert await rows(db_session, Customer, name="One of twenty") == 0
    responses = await asyncio.gather(
        *(
            client.post(
                "/customers", json={"email": f"twenty-{n}@example.org", "name": "One of twenty"}
            )
            for n in range(20)
        )
    )
    assert {response.status_code for response in responses} == {201}
    assert await rows(db_session, Customer, name="One of twenty") == 20
