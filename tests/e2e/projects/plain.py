"""The projects without the plugin: its fixtures with nothing of isolation, and their tables made.

Loaded by `-p`, from outside the projects. The environment names the database, the application
and where the tables come from.
"""

import importlib
import os
from collections.abc import AsyncIterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest_asyncio
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy import MetaData, create_engine, make_url
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

URL = make_url(os.environ["DATABASE_URL"])


def load(name: str) -> Any:
    module, _, attribute = name.partition(":")
    found = getattr(importlib.import_module(module), attribute.removesuffix("()"))
    return found() if attribute.endswith("()") else found


def pytest_collection_finish() -> None:
    schema = os.environ["SCHEMA"]
    if schema == "alembic":
        from alembic import command, config  # noqa: PLC0415 - not every project has it

        command.upgrade(config.Config(Path("alembic.ini")), "head")
        return
    target = load(schema)
    metadata = getattr(target, "metadata", target)
    create = metadata.create_all if isinstance(metadata, MetaData) else partial(target)
    engine = create_engine(URL.set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        create(connection)
    engine.dispose()


@pytest_asyncio.fixture(loop_scope="session")
async def client() -> AsyncIterator[AsyncClient]:
    app = load(os.environ["APP"])
    state: dict[str, Any] = {}

    async def with_state(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "state": dict(state)}, receive, send)

    # Not every framework's lifespan can be left by another task, which fixtures do.
    router = getattr(app, "router", None)
    lifespan = nullcontext({}) if router is None else router.lifespan_context(app)
    transport = ASGITransport(with_state)
    async with (
        lifespan as given,
        AsyncClient(transport=transport, base_url="http://plain") as opened,
    ):
        state |= given or {}
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def db_session() -> AsyncIterator[AsyncSession]:
    engine = create_async_engine(URL.set(drivername="postgresql+psycopg"))
    async with AsyncSession(engine, expire_on_commit=False) as session:
        yield session
    await engine.dispose()
