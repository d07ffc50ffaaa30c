import pytest_asyncio
from alembic import command
from alembic.config import Config


@pytest_asyncio.fixture
async def migrated():
    command.upgrade(Config("alembic.ini"), "head")


async def test_tables(migrated):
    pass
