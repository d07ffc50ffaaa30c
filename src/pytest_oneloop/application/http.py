"""The HTTP client of a test, which calls the application in the test's own event loop."""

from __future__ import annotations

from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from pytest_oneloop.application.lifespan import LIFESPAN_DEADLINE, Lifespan
from pytest_oneloop.application.requests import Requests
from pytest_oneloop.errors.application import HttpClientMissingError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import ModuleType

    import httpx

    from pytest_oneloop.application.lifespan import ASGIApplication

_LIBRARIES = ("httpx2", "httpx")
"""The newer one first, as Starlette's TestClient has it. Their names mean the same in both."""


@asynccontextmanager
async def client(
    app: ASGIApplication,
    *,
    base_url: str = "http://testserver",
    deadline: float = LIFESPAN_DEADLINE,
) -> AsyncIterator[httpx.AsyncClient]:
    """Start the application up, and give an HTTP client that calls it, without a socket.

    Everything is as httpx has it by default: an error that the application does not handle is
    raised in the test, redirects are not followed, and a response is whole when it is returned,
    after the application's background tasks have run. Requests that are still under way at the
    end may go on for half a second, and are cancelled then.

    Args:
        app: The application.
        base_url: What a path in a test is relative to.
        deadline: For startup and for shutdown, in seconds each.

    Yields:
        An `AsyncClient` of httpx2 where that is installed, otherwise of httpx.

    Raises:
        HttpClientMissingError: Neither is installed.
        StartupFailedError: The application's startup failed.
        ShutdownFailedError: The application's shutdown failed.
        LifespanEndedError: A task of the lifespan failed while the test was running.
        LifespanTimeoutError: Startup or shutdown took too long.
    """
    library = _http_library()
    async with Lifespan(app, deadline=deadline) as running:
        requests = Requests(running)
        transport = library.ASGITransport(app=requests)
        try:
            async with library.AsyncClient(transport=transport, base_url=base_url) as opened:
                yield opened
        finally:
            await requests.end()


def _http_library() -> ModuleType:
    for name in _LIBRARIES:
        try:
            return import_module(name)
        except ModuleNotFoundError as missing:
            if missing.name != name:  # it is there, and lacks something that it needs itself
                raise
    raise HttpClientMissingError
