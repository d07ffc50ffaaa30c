"""Tables on any database, as many as asked for, and a service that writes to three of them."""

import os

from sqlalchemy import Column, ForeignKey, Integer, String, Table
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(os.environ["APP_DATABASE_URL"])
session_factory = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(50), unique=True)


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)


class Line(Base):
    __tablename__ = "lines"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)


for _number in range(int(os.environ["BENCHMARK_TABLES"]) - 3):
    Table(
        f"other_{_number}",
        Base.metadata,
        Column("id", Integer, primary_key=True),
        Column("name", String(50), unique=True, nullable=False),
        Column("customer_id", ForeignKey("customers.id"), index=True),
    )


async def order(session: AsyncSession, email: str) -> int:
    """Store an order in three tables, and commit."""
    customer = Customer(email=email)
    session.add(customer)
    await session.flush()
    placed = Order(customer_id=customer.id)
    session.add(placed)
    await session.flush()
    session.add(Line(order_id=placed.id))
    await session.commit()
    return placed.id
