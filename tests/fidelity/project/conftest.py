"""The engines of the programs, and the file of what they saw.

Without the plugin every test gets a database of its own, a copy of the one that `FIDELITY_PLAIN`
names. With it the engines point nowhere, as an application's may.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import URL, create_engine, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from tools.outcomes import Outcomes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

NOWHERE = make_url("postgresql://nobody:wrong@database.invalid/none")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Outcomes("FIDELITY_OUTCOMES"))


@pytest.fixture
def url() -> Iterator[URL]:
    """The URL of the engines; of a plain database that is made for the test, and dropped."""
    if "FIDELITY_PLAIN" not in os.environ:
        yield NOWHERE
        return
    template = make_url(os.environ["FIDELITY_PLAIN"])
    name = f"fidelity_{secrets.token_hex(4)}"
    admin = template.set(database="postgres").translate_connect_args(
        username="user", database="dbname"
    )
    with psycopg.connect(**admin, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE {name} TEMPLATE "{template.database}"'.encode())
        try:
            yield template.set(database=name)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
async def async_engine(url: URL) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(url.set(drivername="postgresql+asyncpg"))
    yield engine
    await engine.dispose()


@pytest.fixture
def sync_engine(url: URL) -> Iterator[Engine]:
    engine = create_engine(url.set(drivername="postgresql+psycopg"))
    yield engine
    engine.dispose()
