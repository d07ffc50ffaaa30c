"""What the application's start-up writes. In a file of its own: any client starts it up as well."""

import pytest
from sqlalchemy import func, select

from shop.database import SessionMaker
from shop.main import app
from shop.models import Setting


async def settings():
    async with SessionMaker() as session:
        return await session.scalar(select(func.count()).select_from(Setting))


@pytest.mark.parametrize("time", [1, 2])
async def test_what_the_lifespan_writes(time):
    assert await settings() == 0
    async with app.router.lifespan_context(app):
        assert await settings() == 2
