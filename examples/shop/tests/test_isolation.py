"""Nothing that a test writes is there in the next one.

The tests of a group do the same work, and each first asserts that nobody did it before. In
whatever order they run, the second one fails as soon as a row gets through.
"""

from sqlalchemy import delete, select

from shop.models import AuditEntry, Category, Confirmation, Customer, Product
from tests.factories import a_customer, a_product, buy, count


async def register_ada(client, db_session):
    assert await count(db_session, Customer) == 0
    response = await client.post("/customers", json={"email": "ada@example.org", "name": "Ada"})
    assert response.status_code == 201
    assert await count(db_session, Customer) == 1


async def test_a_commit_in_the_application_1(client, db_session):
    await register_ada(client, db_session)


async def test_a_commit_in_the_application_2(client, db_session):
    await register_ada(client, db_session)


async def test_a_commit_in_the_application_3(client, db_session):
    await register_ada(client, db_session)


async def order_chess(client, db_session):
    assert await count(db_session, AuditEntry) == 0
    assert await count(db_session, Confirmation) == 0
    response = await buy(client, await a_customer(db_session), await a_product(db_session))
    assert response.status_code == 201
    assert await count(db_session, AuditEntry) == 1
    assert await count(db_session, Confirmation) == 1


async def test_rows_of_the_middleware_and_of_the_background_task_1(client, db_session):
    await order_chess(client, db_session)


async def test_rows_of_the_middleware_and_of_the_background_task_2(client, db_session):
    await order_chess(client, db_session)


async def import_and_reprice(client, db_session):
    gift_card = await db_session.scalar(select(Product).where(Product.sku == "gift-card"))
    assert gift_card.price_cents == 2500
    assert await count(db_session, Product) == 1
    book = {"category": "vouchers", "sku": "book", "name": "Book", "price_cents": 9, "stock": 1}
    assert (await client.post("/products/import", json=[book])).status_code == 201
    change = {"category": "vouchers", "percent": 20}
    assert (await client.post("/products/prices", json=change)).json() == {"rows": 2}
    await db_session.refresh(gift_card)
    assert gift_card.price_cents == 3000


async def test_rows_of_the_driver_and_of_the_engine_1(client, db_session):
    await import_and_reprice(client, db_session)


async def test_rows_of_the_driver_and_of_the_engine_2(client, db_session):
    await import_and_reprice(client, db_session)


async def change_shipping(client):
    assert (await client.get("/settings")).json()["shipping_cents"] == 490
    await client.put("/settings/shipping_cents", json={"value": 0})
    assert (await client.get("/settings")).json()["shipping_cents"] == 0


async def test_a_setting_written_at_start_up_1(client):
    await change_shipping(client)


async def test_a_setting_written_at_start_up_2(client):
    await change_shipping(client)


async def delete_the_seed_rows(db_session):
    assert await count(db_session, Category) == 3
    await db_session.execute(delete(Product))
    await db_session.execute(delete(Category))
    await db_session.commit()
    assert await count(db_session, Category) == 0


async def test_the_seed_rows_of_a_migration_1(db_session):
    await delete_the_seed_rows(db_session)


async def test_the_seed_rows_of_a_migration_2(db_session):
    await delete_the_seed_rows(db_session)
