from collections.abc import Sequence

from fastapi import APIRouter
from sqlalchemy import select

from shop.database import Session
from shop.errors import NotFoundError
from shop.models import Holding, Job, Product
from shop.schemas import DeliveryIn, HoldingOut, JobOut, TransferIn
from shop.services.jobs import add_job
from shop.services.transfers import transfer

router = APIRouter(tags=["warehouses"])


@router.get("/warehouses/{warehouse_id}/holdings", response_model=list[HoldingOut])
async def list_holdings(warehouse_id: int, session: Session) -> Sequence[Holding]:
    query = select(Holding).where(Holding.warehouse_id == warehouse_id)
    return (await session.scalars(query.order_by(Holding.product_id))).all()


@router.post("/transfers", response_model=HoldingOut)
async def move(data: TransferIn) -> Holding:
    return await transfer(data)


@router.post("/deliveries", status_code=202, response_model=JobOut)
async def announce(data: DeliveryIn, session: Session) -> Job:
    """Take note of goods that have arrived. They are for sale once a worker has booked them."""
    if await session.get(Product, data.product_id) is None:
        raise NotFoundError(f"There is no product {data.product_id}.")
    job = await add_job(session, "book_delivery", **data.model_dump())
    await session.commit()
    return job
