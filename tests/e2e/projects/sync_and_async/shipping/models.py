import os

from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

URL = os.environ.get("DATABASE_URL", "postgresql://shipping:secret@db.invalid/shipping")

async_engine = create_async_engine(URL.replace("postgresql://", "postgresql+asyncpg://"))
new_async_session = async_sessionmaker(async_engine, expire_on_commit=False)

engine = create_engine(URL.replace("postgresql://", "postgresql+psycopg2://"))
new_session = sessionmaker(engine)


class Base(DeclarativeBase):
    pass


class Parcel(Base):
    __tablename__ = "parcel"

    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(unique=True)
    sent: Mapped[bool] = mapped_column(default=False)
