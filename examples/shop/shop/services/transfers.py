"""Moving goods from one warehouse to another."""

from functools import partial

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from shop.errors import ConflictError, NotFoundError
from shop.models import Holding, Warehouse
from shop.retries import run_serializable
from shop.schemas import TransferIn


async def transfer(data: TransferIn) -> Holding:
    """Move pieces of a product, all of them or none; return what the target has of it then.

    Two transfers of different products change different rows, and could together fill a warehouse
    beyond its capacity. No lock on those rows helps; a SERIALIZABLE transaction does.
    """
    return await run_serializable(partial(move_goods, data=data))


async def move_goods(session: AsyncSession, data: TransferIn) -> Holding:
    source = await session.get(Holding, (data.source_id, data.product_id))
    stored = 0 if source is None else source.quantity
    if stored < data.quantity:
        raise ConflictError(f"Only {stored} pieces are stored in warehouse {data.source_id}.")
    room = await free_room(session, data.target_id)
    if room < data.quantity:
        raise ConflictError(f"Only {room} pieces more have room in warehouse {data.target_id}.")

    target = await session.get(Holding, (data.target_id, data.product_id))
    if target is None:
        target = Holding(warehouse_id=data.target_id, product_id=data.product_id, quantity=0)
        session.add(target)
    source.quantity -= data.quantity
    target.quantity += data.quantity
    return target


async def free_room(session: AsyncSession, warehouse_id: int) -> int:
    """Return how many pieces a warehouse can still take."""
    warehouse = await session.get(Warehouse, warehouse_id)
    if warehouse is None:
        raise NotFoundError(f"There is no warehouse {warehouse_id}.")
    stored = await session.scalar(
        select(func.coalesce(func.sum(Holding.quantity), 0)).where(
            Holding.warehouse_id == warehouse_id
        )
    )
    return warehouse.capacity - stored
