"""Works off jobs until it is stopped: `python -m shop.worker`, as often as you like at once."""

import asyncio
from contextlib import suppress

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from shop.database import engine
from shop.models import Product
from shop.services.jobs import work_off_one

PAUSE = 1.0
"""How long to wait, in seconds, when there is nothing to do."""


async def book_delivery(session: AsyncSession, product_id: int, quantity: int) -> None:
    """Put goods that have arrived on sale."""
    await session.execute(
        update(Product).where(Product.id == product_id).values(stock=Product.stock + quantity)
    )


HANDLERS = {"book_delivery": book_delivery}


async def work() -> None:
    try:
        while True:
            if not await work_off_one(HANDLERS):
                await asyncio.sleep(PAUSE)
    finally:
        await engine.dispose()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(work())
