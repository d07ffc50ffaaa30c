"""Requests at the same time, and requests beside a transaction that the test holds open."""

import asyncio

from shop.models import AuditEntry, Confirmation, Customer, Order
from tests.factories import a_customer, a_product, buy, count


async def test_twenty_customers_register_at_once(client, db_session):
    responses = await asyncio.gather(
        *(
            client.post("/customers", json={"email": f"c{n}@example.org", "name": f"C{n}"})
            for n in range(20)
        )
    )

    assert [response.status_code for response in responses] == [201] * 20
    assert await count(db_session, Customer) == 20
    assert await count(db_session, AuditEntry) == 20


async def test_of_ten_at_once_with_one_address_one_wins(client, db_session):
    responses = await asyncio.gather(
        *(
            client.post("/customers", json={"email": "ada@example.org", "name": f"Ada {n}"})
            for n in range(10)
        )
    )

    assert sorted(response.status_code for response in responses) == [201] + [409] * 9
    assert await count(db_session, Customer) == 1


async def test_twenty_orders_at_once_are_all_stored_and_confirmed(client, db_session):
    grace = await a_customer(db_session)
    chess = await a_product(db_session, "chess", stock=20)
    go = await a_product(db_session, "go", stock=20)

    # Half of them name the products the other way round: taken in that order, they deadlock.
    baskets = [(chess, go), (go, chess)] * 10
    responses = await asyncio.gather(*(buy(client, grace, *basket) for basket in baskets))

    assert [response.status_code for response in responses] == [201] * 20
    assert await count(db_session, Order) == 20
    assert await count(db_session, Confirmation) == 20


async def test_stock_is_never_oversold(client, db_session):
    grace = await a_customer(db_session)
    chess = await a_product(db_session, stock=5)

    responses = await asyncio.gather(*(buy(client, grace, chess) for _ in range(12)))

    assert sorted(response.status_code for response in responses) == [201] * 5 + [409] * 7
    await db_session.refresh(chess)
    assert chess.stock == 0


async def test_an_open_transaction_sees_what_a_request_commits(client, db_session):
    assert await count(db_session, Customer) == 0
    assert db_session.in_transaction()

    await client.post("/customers", json={"email": "ada@example.org", "name": "Ada"})

    assert await count(db_session, Customer) == 1


async def test_closing_a_transaction_that_only_read_undoes_no_request(client, db_session):
    assert await count(db_session, Customer) == 0

    await client.post("/customers", json={"email": "ada@example.org", "name": "Ada"})
    await db_session.rollback()

    assert await count(db_session, Customer) == 1


async def test_an_object_loaded_before_a_request_is_refreshed_after_it(client, db_session):
    grace = await a_customer(db_session)
    chess = await a_product(db_session, stock=10)
    await db_session.refresh(chess)

    await buy(client, grace, chess)

    assert chess.stock == 10
    await db_session.refresh(chess)
    assert chess.stock == 9
