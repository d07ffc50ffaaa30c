"""The application that every contestant tests: 20 tables, one service that commits."""

import os
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel
from sqlalchemy import Column, ForeignKey, Integer, String, Table
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(os.environ["APP_DATABASE_URL"])
session_factory = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    amount: Mapped[int]


# What else such an application has: each a table with a unique name and two indexed references.
for _name in (
    *("addresses", "audit_log", "baskets", "brands", "categories", "countries", "coupons"),
    *("currencies", "deliveries", "employees", "invoices", "payments", "prices", "products"),
    *("refunds", "reviews", "stocks", "suppliers"),
):
    Table(
        _name,
        Base.metadata,
        Column("id", Integer, primary_key=True),
        Column("name", String, unique=True, nullable=False),
        Column("customer_id", ForeignKey("customers.id"), index=True),
        Column("order_id", ForeignKey("orders.id"), index=True),
    )


class NewOrder(BaseModel):
    email: str
    amount: int


async def get_session() -> AsyncIterator[AsyncSession]:
    async with session_factory() as session:
        yield session


async def place_first_order(session: AsyncSession, new: NewOrder) -> Order:
    """Store a customer and an order, and commit."""
    customer = Customer(email=new.email)
    session.add(customer)
    await session.flush()
    order = Order(customer_id=customer.id, amount=new.amount)
    session.add(order)
    await session.commit()
    return order


app = FastAPI()


@app.post("/orders", status_code=201)
async def post_order(
    new: NewOrder, session: Annotated[AsyncSession, Depends(get_session)]
) -> dict[str, int]:
    try:
        order = await place_first_order(session, new)
    except IntegrityError as error:
        await session.rollback()
        raise HTTPException(409, "this e-mail is taken") from error
    return {"id": order.id, "amount": order.amount}
