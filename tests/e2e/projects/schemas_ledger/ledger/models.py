import enum
import os

from sqlalchemy import Enum, ForeignKey, Identity
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

URL = os.environ.get("DATABASE_URL", "postgresql://ledger:secret@db.invalid/ledger")


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customer"
    __table_args__ = {"schema": "customers"}

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    entries: Mapped[list["Entry"]] = relationship(back_populates="customer")


class Kind(enum.StrEnum):
    charge = "charge"
    refund = "refund"


class Entry(Base):
    __tablename__ = "entry"
    __table_args__ = {"schema": "billing"}

    id: Mapped[int] = mapped_column(Identity(start=1000), primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey(Customer.id))
    kind: Mapped[Kind] = mapped_column(Enum(Kind, name="kind", schema="billing"))
    cents: Mapped[int]
    customer: Mapped[Customer] = relationship(back_populates="entries")


class Change(Base):
    __tablename__ = "customer"
    __table_args__ = {"schema": "history"}

    id: Mapped[int] = mapped_column(primary_key=True)
    change: Mapped[str]
