from fastapi import APIRouter, BackgroundTasks

from shop.database import Session
from shop.errors import NotFoundError
from shop.models import Order
from shop.schemas import LinePosition, OrderIn, OrderOut
from shop.services.ordering import cancel_order, confirm_order, move_lines, place_order

router = APIRouter(prefix="/orders", tags=["orders"])


@router.post("", status_code=201, response_model=OrderOut)
async def order(data: OrderIn, session: Session, background: BackgroundTasks) -> Order:
    placed = await place_order(session, data.customer_id, data.lines)
    background.add_task(confirm_order, placed.id)
    return placed


@router.get("/{order_id}", response_model=OrderOut)
async def read_order(order_id: int, session: Session) -> Order:
    found = await session.get(Order, order_id)
    if found is None:
        raise NotFoundError(f"There is no order {order_id}.")
    return found


@router.post("/{order_id}/cancel", response_model=OrderOut)
async def cancel(order_id: int, session: Session) -> Order:
    return await cancel_order(session, await read_order(order_id, session))


@router.put("/{order_id}/positions", response_model=OrderOut)
async def move(order_id: int, positions: list[LinePosition], session: Session) -> Order:
    return await move_lines(session, await read_order(order_id, session), positions)
