from collections.abc import Sequence

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from shop.database import Session
from shop.errors import ConflictError, NotFoundError
from shop.models import Customer
from shop.schemas import BulkOut, CustomerIn, CustomerOut

router = APIRouter(prefix="/customers", tags=["customers"])


@router.post("", status_code=201, response_model=CustomerOut)
async def register(data: CustomerIn, session: Session) -> Customer:
    customer = Customer(**data.model_dump())
    session.add(customer)
    try:
        await session.commit()
    except IntegrityError as error:
        await session.rollback()
        raise ConflictError(f"{data.email} is registered already.") from error
    return customer


@router.post("/bulk", status_code=201)
async def register_many(data: list[CustomerIn], session: Session) -> BulkOut:
    """Register all who are not registered yet. One savepoint each: one failure costs one row."""
    result = BulkOut(created=[], skipped=[])
    for item in data:
        try:
            async with session.begin_nested():
                session.add(Customer(**item.model_dump()))
        except IntegrityError:
            result.skipped.append(item.email)
        else:
            result.created.append(item.email)
    await session.commit()
    return result


@router.get("", response_model=list[CustomerOut])
async def list_customers(session: Session) -> Sequence[Customer]:
    return (await session.scalars(select(Customer).order_by(Customer.id))).all()


@router.get("/{customer_id}", response_model=CustomerOut)
async def read_customer(customer_id: int, session: Session) -> Customer:
    customer = await session.get(Customer, customer_id)
    if customer is None:
        raise NotFoundError(f"There is no customer {customer_id}.")
    return customer
