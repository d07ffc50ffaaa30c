"""Settings that live in the database and can change while the shop runs."""

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shop.database import SessionMaker
from shop.errors import NotFoundError
from shop.models import Setting

DEFAULTS = {"shipping_cents": 490, "free_shipping_from_cents": 5000}


async def seed_settings() -> None:
    """Write each default that the database does not have yet."""
    rows = [{"key": key, "value": value} for key, value in DEFAULTS.items()]
    async with SessionMaker.begin() as session:
        await session.execute(insert(Setting).values(rows).on_conflict_do_nothing())


async def read_setting(session: AsyncSession, key: str) -> Setting:
    setting = await session.get(Setting, key)
    if setting is None:
        raise NotFoundError(f"There is no setting {key!r}.")
    return setting
