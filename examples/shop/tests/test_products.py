from datetime import datetime

from sqlalchemy import select

from shop.models import Category, Product
from tests.factories import a_product, count


def row(sku, **values):
    return {
        "category": "books",
        "sku": sku,
        "name": sku.title(),
        "price_cents": 1500,
        "stock": 3,
    } | values


async def test_a_category_lists_its_own_products(client, db_session):
    await a_product(db_session, "chess", category="games")
    await a_product(db_session, "sicp", category="books")

    response = await client.get("/products", params={"category": "games"})

    assert [product["sku"] for product in response.json()] == ["chess"]


async def test_a_change_returns_the_time_that_the_database_gave_it(client, db_session):
    product = await a_product(db_session, "chess")

    response = await client.patch(f"/products/{product.id}", json={"price_cents": 1900})

    assert response.json()["price_cents"] == 1900
    await db_session.refresh(product)
    assert product.price_cents == 1900
    assert datetime.fromisoformat(response.json()["updated_at"]) == product.updated_at


async def test_an_import_stores_every_product(client, db_session):
    response = await client.post("/products/import", json=[row(f"book-{n}") for n in range(50)])

    assert response.status_code == 201
    assert response.json() == {"rows": 50}
    imported = select(Product.stock).where(Product.sku.startswith("book-"))
    assert (await db_session.scalars(imported)).all() == [3] * 50


async def test_an_import_with_a_known_product_stores_nothing(client, db_session):
    await a_product(db_session, "sicp", category="books")

    response = await client.post("/products/import", json=[row("knuth"), row("sicp")])

    assert response.status_code == 409
    assert await db_session.scalar(select(Product).where(Product.sku == "knuth")) is None


async def test_an_import_into_an_unknown_category_stores_nothing(client, db_session):
    before = await count(db_session, Product)

    response = await client.post(
        "/products/import", json=[row("knuth"), row("vinyl", category="records")]
    )

    assert response.json() == {"detail": "There is no category records."}
    assert await count(db_session, Product) == before


async def test_a_price_change_reaches_one_category(client, db_session):
    chess = await a_product(db_session, "chess", category="games", price_cents=2000)
    sicp = await a_product(db_session, "sicp", category="books", price_cents=2000)

    response = await client.post("/products/prices", json={"category": "games", "percent": 10})

    assert response.json() == {"rows": 1}
    await db_session.refresh(chess)
    await db_session.refresh(sicp)
    assert (chess.price_cents, sicp.price_cents) == (2200, 2000)


async def test_a_price_change_needs_a_known_category(client):
    response = await client.post("/products/prices", json={"category": "tea", "percent": 10})

    assert response.status_code == 404


async def test_the_migration_brings_three_categories(db_session):
    names = await db_session.scalars(select(Category.name).order_by(Category.name))

    assert names.all() == ["books", "games", "vouchers"]
