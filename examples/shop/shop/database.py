"""One engine and one sessionmaker for the whole application."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from shop.settings import settings

engine = create_async_engine(settings.database_url)
SessionMaker = async_sessionmaker(engine, expire_on_commit=False)


async def get_session() -> AsyncIterator[AsyncSession]:
    """Give a request its session, and close it when the request is over."""
    async with SessionMaker() as session:
        yield session


Session = Annotated[AsyncSession, Depends(get_session)]
