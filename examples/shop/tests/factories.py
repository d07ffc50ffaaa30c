"""Rows that a test needs before it starts, and how to count the ones it left."""

from collections.abc import Mapping

from httpx import AsyncClient, Response
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from shop.models import (
    Base,
    Category,
    Customer,
    Holding,
    Order,
    OrderLine,
    Product,
    Warehouse,
)


async def a_customer(
    session: AsyncSession, email: str = "grace@example.org", name: str = "Grace"
) -> Customer:
    customer = Customer(email=email, name=name)
    session.add(customer)
    await session.commit()
    return customer


async def a_product(
    session: AsyncSession,
    sku: str = "chess",
    *,
    category: str = "games",
    price_cents: int = 2000,
    stock: int = 10,
) -> Product:
    category_id = await session.scalar(select(Category.id).where(Category.name == category))
    product = Product(
        category_id=category_id, sku=sku, name=sku.title(), price_cents=price_cents, stock=stock
    )
    session.add(product)
    await session.commit()
    return product


async def an_order(session: AsyncSession, customer: Customer, *products: Product) -> Order:
    """Store an order of one piece of each product, without taking stock."""
    order = Order(
        customer_id=customer.id,
        lines=[
            OrderLine(
                product_id=product.id,
                position=position,
                quantity=1,
                unit_price_cents=product.price_cents,
            )
            for position, product in enumerate(products, start=1)
        ],
    )
    session.add(order)
    await session.commit()
    return order


async def a_warehouse(
    session: AsyncSession,
    name: str,
    stored: Mapping[Product, int] | None = None,
    *,
    capacity: int = 100,
) -> Warehouse:
    warehouse = Warehouse(name=name, capacity=capacity)
    session.add(warehouse)
    await session.flush()
    session.add_all(
        Holding(warehouse_id=warehouse.id, product_id=product.id, quantity=quantity)
        for product, quantity in (stored or {}).items()
    )
    await session.commit()
    return warehouse


async def holdings(client: AsyncClient, warehouse: Warehouse) -> dict[int, int]:
    """Return how many pieces of each product a warehouse has, by the product's id."""
    response = await client.get(f"/warehouses/{warehouse.id}/holdings")
    return {held["product_id"]: held["quantity"] for held in response.json()}


async def buy(
    client: AsyncClient, customer: Customer, *products: Product, each: int = 1
) -> Response:
    """Order through the application, as a customer does."""
    lines = [{"product_id": product.id, "quantity": each} for product in products]
    return await client.post("/orders", json={"customer_id": customer.id, "lines": lines})


async def count(session: AsyncSession, model: type[Base]) -> int:
    return await session.scalar(select(func.count()).select_from(model))
