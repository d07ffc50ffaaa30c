"""The database of another team, on a server of its own."""

import os

from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

URL = os.environ.get("DATABASE_URL", "postgresql://shop:secret@bi.invalid:5433/analytics").replace(
    "postgresql://", "postgresql+psycopg://"
)

engine = create_async_engine(URL)


class Base(DeclarativeBase):
    pass


class Event(Base):
    __tablename__ = "events"

    id: Mapped[int] = mapped_column(primary_key=True)
    what: Mapped[str]
