"""The fixtures, for every runner. A project's own fixture of the same name wins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_oneloop import application
from pytest_oneloop.errors.application import ClientWithoutLoopError
from pytest_oneloop.handle import Oneloop
from pytest_oneloop.loops.scopes import loop_scope_of
from pytest_oneloop.plugin import RUN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession


@pytest.fixture(scope="session")
def oneloop_app(pytestconfig: pytest.Config) -> Any:
    """The ASGI application. Override it to give another.

    Taken from the option `oneloop_app`, or from `[tool.fastapi] entrypoint` in `pyproject.toml`.
    """
    return application.load_application(
        pytestconfig.stash[RUN].settings.app, rootdir=pytestconfig.rootpath
    )


@pytest.fixture(scope="session")
def oneloop_database_url(pytestconfig: pytest.Config) -> str:
    """The URL of the test database. Override it to name another driver.

    Only the part before `://` counts: every engine of the process is led to the test database,
    whatever its URL says.
    """
    return pytestconfig.stash[RUN].worker_url()


@pytest.fixture(scope="session")
def db_engine(oneloop_database_url: str) -> Iterator[AsyncEngine]:
    """An engine to the test database, for the whole run, on any loop."""
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415 - only where wanted

    engine = create_async_engine(oneloop_database_url)
    yield engine
    engine.sync_engine.dispose(close=False)


@pytest.fixture
def db_session(db_engine: AsyncEngine, pytestconfig: pytest.Config) -> Iterator[AsyncSession]:
    """A session on the test database, of this test alone.

    What it commits, the application sees, and the other way round; all of it is gone when the test
    has ended. Made with `expire_on_commit=False`, so that objects can be read after a commit
    without `await`.
    """
    from sqlalchemy.ext.asyncio import AsyncSession  # noqa: PLC0415 - only where wanted

    with pytestconfig.stash[RUN].session(
        AsyncSession(db_engine, expire_on_commit=False)
    ) as session:
        yield session


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Any:
    """An HTTP client of the application, on the test's loop, with the lifespan run.

    An `httpx.AsyncClient` (or httpx2's, where that is installed).
    """
    return request.getfixturevalue(_client_for(request))


@pytest.fixture
async def _oneloop_client_anyio(
    oneloop_app: Any, pytestconfig: pytest.Config
) -> AsyncIterator[Any]:
    async with pytestconfig.stash[RUN].client(oneloop_app) as client:
        yield client


@pytest.fixture
def oneloop(pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> Oneloop:
    """What the plugin knows of this test: strategy, database, URL, statements sent."""
    return Oneloop(pytestconfig.stash[RUN], lambda: request.getfixturevalue("oneloop_app"))


def _client_for(request: pytest.FixtureRequest) -> str:
    """Return the name of the client's fixture for the test's runner and loop."""
    item = request.node
    if "anyio_backend" in request.fixturenames:
        return "_oneloop_client_anyio"
    scope = loop_scope_of(item)
    if scope is None:
        raise ClientWithoutLoopError(test=item.nodeid)
    return f"_oneloop_client_{scope}"
