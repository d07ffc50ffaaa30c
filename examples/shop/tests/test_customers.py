import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from shop.models import Customer
from tests.factories import a_customer, count

ADA = {"email": "ada@example.org", "name": "Ada"}
ALAN = {"email": "alan@example.org", "name": "Alan"}
GRACE = {"email": "grace@example.org", "name": "Grace"}


async def test_a_new_customer_is_stored(client, db_session):
    response = await client.post("/customers", json=ADA)

    assert response.status_code == 201
    stored = await db_session.get(Customer, response.json()["id"])
    assert stored.email == "ada@example.org"


async def test_a_customer_can_be_read_back(client):
    created = (await client.post("/customers", json=ADA)).json()

    response = await client.get(f"/customers/{created['id']}")

    assert response.json() == created


async def test_an_unknown_customer_is_not_found(client):
    response = await client.get("/customers/999999")

    assert response.status_code == 404
    assert response.json() == {"detail": "There is no customer 999999."}


async def test_an_address_without_an_at_sign_is_refused(client, db_session):
    response = await client.post("/customers", json={"email": "ada", "name": "Ada"})

    assert response.status_code == 422
    assert await count(db_session, Customer) == 0


async def test_an_email_address_is_registered_once(client, db_session):
    await a_customer(db_session, "ada@example.org")

    response = await client.post("/customers", json=ADA | {"email": "Ada@Example.org"})

    assert response.status_code == 409
    assert response.json() == {"detail": "ada@example.org is registered already."}


async def test_a_refused_customer_leaves_the_ones_before_it(client):
    for customer in (ADA, ALAN, ADA, GRACE):
        await client.post("/customers", json=customer)

    names = [customer["name"] for customer in (await client.get("/customers")).json()]
    assert names == ["Ada", "Alan", "Grace"]


async def test_a_rollback_keeps_what_was_committed_before_it(db_session):
    await a_customer(db_session, "ada@example.org")

    db_session.add(Customer(**ADA))
    with pytest.raises(IntegrityError):
        await db_session.commit()
    await db_session.rollback()

    assert (await db_session.scalars(select(Customer.email))).all() == ["ada@example.org"]


async def test_a_rollback_undoes_what_was_not_committed(db_session):
    await a_customer(db_session, "ada@example.org")

    db_session.add(Customer(**ALAN))
    await db_session.flush()
    await db_session.rollback()

    assert (await db_session.scalars(select(Customer.email))).all() == ["ada@example.org"]


async def test_many_customers_are_registered_but_for_the_known_ones(client, db_session):
    await a_customer(db_session, "alan@example.org")

    response = await client.post("/customers/bulk", json=[ADA, ALAN, GRACE, ADA])

    assert response.json() == {
        "created": ["ada@example.org", "grace@example.org"],
        "skipped": ["alan@example.org", "ada@example.org"],
    }
    assert await count(db_session, Customer) == 3
