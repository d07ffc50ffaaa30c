"""The application that every set-up tests: one module-global engine, one dependency."""

import os
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

DATABASE_URL = os.environ.get("APP_DATABASE_URL", "postgresql+asyncpg://app@localhost/app")
engine = create_async_engine(DATABASE_URL)
session_factory = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)


class NewUser(BaseModel):
    email: str


async def get_session() -> AsyncIterator[AsyncSession]:
    async with session_factory() as session:
        yield session


Session = Annotated[AsyncSession, Depends(get_session)]
app = FastAPI()


@app.post("/users", status_code=201)
async def sign_up(new: NewUser, session: Session) -> dict[str, int | str]:
    user = User(email=new.email)
    session.add(user)
    try:
        await session.commit()
    except IntegrityError as error:
        await session.rollback()
        raise HTTPException(409, "this e-mail is taken") from error
    return {"id": user.id, "email": user.email}


@app.post("/users/import", status_code=201)
async def import_users(emails: list[str], session: Session) -> int:
    connection = await session.connection()
    raw = await connection.get_raw_connection()
    assert raw.driver_connection is not None
    await raw.driver_connection.copy_records_to_table(
        "users", records=[(email,) for email in emails], columns=["email"]
    )
    await session.commit()
    return len(emails)


@app.get("/users")
async def list_users(session: Session) -> list[str]:
    return list(await session.scalars(select(User.email).order_by(User.id)))
