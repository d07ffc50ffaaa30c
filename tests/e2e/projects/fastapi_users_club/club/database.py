import os
from collections.abc import AsyncIterator

from fastapi import Depends
from fastapi_users.db import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from fastapi_users_db_sqlalchemy.access_token import (
    SQLAlchemyAccessTokenDatabase,
    SQLAlchemyBaseAccessTokenTableUUID,
)
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

URL = os.environ.get("DATABASE_URL", "postgresql://club:secret@db.invalid/club")
engine = create_async_engine(URL.replace("postgresql://", "postgresql+asyncpg://"))
new_session = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class User(SQLAlchemyBaseUserTableUUID, Base):
    pass


class AccessToken(SQLAlchemyBaseAccessTokenTableUUID, Base):
    pass


async def get_session() -> AsyncIterator[AsyncSession]:
    async with new_session() as session:
        yield session


async def get_users(session: AsyncSession = Depends(get_session)) -> SQLAlchemyUserDatabase:
    return SQLAlchemyUserDatabase(session, User)


async def get_tokens(
    session: AsyncSession = Depends(get_session),
) -> SQLAlchemyAccessTokenDatabase:
    return SQLAlchemyAccessTokenDatabase(session, AccessToken)
