"""Which fixtures of a hand-written `conftest.py` only migrate, and are unnecessary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_oneloop.project.discovery import discover
from pytest_oneloop.project.obsolete import MIGRATIONS
from tools.projects import Project

if TYPE_CHECKING:
    from pathlib import Path

MIGRATING = """
import asyncio
import subprocess
import pytest
from alembic import command
from alembic.config import Config
from shop import migrate


@pytest.fixture(scope="session", autouse=True)
def migrated():
    command.upgrade(Config("alembic.ini"), "head")
    yield
    command.downgrade(Config("alembic.ini"), "base")


@pytest.fixture
async def migrated_on_a_thread():
    await asyncio.to_thread(command.upgrade, Config("alembic.ini"), "head")


@pytest.fixture
def migrated_by_a_program():
    subprocess.run(["alembic", "upgrade", "head"], check=True)


@pytest.fixture
def migrated_by_its_own_import():
    import alembic.command
    alembic.command.upgrade(Config("alembic.ini"), revision="heads")


@pytest.fixture
async def migrated_by_a_function(connection):
    await connection.run_sync(migrate.upgrade)


@pytest.fixture
async def migrated_by_an_awaited_function():
    await migrate.all_of_it()


@pytest.fixture
def at_an_old_revision():
    command.upgrade(Config("alembic.ini"), "1f2e")


@pytest.fixture
def with_rows(connection):
    command.upgrade(Config("alembic.ini"), "head")
    connection.execute("INSERT INTO role VALUES (1)")


@pytest.fixture
def listed():
    subprocess.run(["alembic", "history"], check=True)
"""
MIGRATE = """
import asyncio
from alembic import command
from alembic.config import Config

def upgrade(connection):
    config = Config("alembic.ini")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")

async def all_of_it():
    await asyncio.to_thread(upgrade, None)
"""


def test_a_fixture_that_migrates_can_be_deleted(tmp_path: Path) -> None:
    files = {"conftest.py": MIGRATING, "shop/migrate.py": MIGRATE, "shop/__init__.py": ""}
    Project(tmp_path).write({**files, "pytest.ini": ""})

    found = discover(tmp_path).obsolete

    assert [(one.place.line, one.name) for one in found] == [
        (10, "migrated"),
        (17, "migrated_on_a_thread"),
        (22, "migrated_by_a_program"),
        (27, "migrated_by_its_own_import"),
        (33, "migrated_by_a_function"),
        (38, "migrated_by_an_awaited_function"),
    ]
    assert {one.reason for one in found} == {MIGRATIONS}
