"""Taking an order, and taking it back."""

import logging
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from shop.database import SessionMaker
from shop.errors import ConflictError, NotFoundError
from shop.models import Confirmation, Customer, Order, OrderLine, Product
from shop.schemas import LineIn, LinePosition
from shop.services.preferences import read_setting

logger = logging.getLogger(__name__)


async def place_order(session: AsyncSession, customer_id: int, lines: Sequence[LineIn]) -> Order:
    """Take the stock of every line, and store the order: all of it, or nothing."""
    if await session.get(Customer, customer_id) is None:
        raise NotFoundError(f"There is no customer {customer_id}.")

    prices = await _take_stock(session, lines)
    order = Order(
        customer_id=customer_id,
        lines=[
            OrderLine(
                position=position,
                product_id=line.product_id,
                quantity=line.quantity,
                unit_price_cents=prices[line.product_id],
            )
            for position, line in enumerate(lines, start=1)
        ],
    )
    shipping = await read_setting(session, "shipping_cents")
    free_from = await read_setting(session, "free_shipping_from_cents")
    goods_cents = sum(line.quantity * line.unit_price_cents for line in order.lines)
    order.shipping_cents = 0 if goods_cents >= free_from.value else shipping.value

    session.add(order)
    await session.commit()
    return order


async def cancel_order(session: AsyncSession, order: Order) -> Order:
    """Give the stock back. A second time is refused."""
    await session.refresh(order, with_for_update=True)
    if order.status == "cancelled":
        raise ConflictError(f"Order {order.id} is cancelled already.")
    for line in sorted(order.lines, key=lambda line: line.product_id):
        product = await _lock_product(session, line.product_id)
        product.stock += line.quantity
    order.status = "cancelled"
    await session.commit()
    return order


async def move_lines(
    session: AsyncSession, order: Order, positions: Sequence[LinePosition]
) -> Order:
    """Put lines at new positions. The database checks at commit that no two share one."""
    lines = {line.id: line for line in order.lines}
    for moved in positions:
        if moved.line_id not in lines:
            raise NotFoundError(f"Order {order.id} has no line {moved.line_id}.")
        lines[moved.line_id].position = moved.position
    try:
        await session.commit()
    except IntegrityError as error:
        await session.rollback()
        raise ConflictError("Two lines cannot have the same position.") from error
    order.lines.sort(key=lambda line: line.position)
    return order


async def confirm_order(order_id: int) -> None:
    """Tell the customer. Runs after the response, so it opens a session of its own."""
    async with SessionMaker() as session:
        email = await session.scalar(select(Customer.email).join(Order).where(Order.id == order_id))
        session.add(Confirmation(order_id=order_id, email=email))
        await session.commit()
    logger.info("order %s confirmed to %s", order_id, email)


async def _take_stock(session: AsyncSession, lines: Sequence[LineIn]) -> dict[int, int]:
    """Lower the stock of each product; return the prices.

    Products are locked in the order of their ids, so that two orders for the same products
    wait for each other rather than deadlock.
    """
    prices = {}
    for line in sorted(lines, key=lambda line: line.product_id):
        product = await _lock_product(session, line.product_id)
        if product.stock < line.quantity:
            raise ConflictError(f"Only {product.stock} of {product.sku!r} left.")
        product.stock -= line.quantity
        prices[product.id] = product.price_cents
    return prices


async def _lock_product(session: AsyncSession, product_id: int) -> Product:
    product = await session.scalar(
        select(Product).where(Product.id == product_id).with_for_update()
    )
    if product is None:
        raise NotFoundError(f"There is no product {product_id}.")
    return product
