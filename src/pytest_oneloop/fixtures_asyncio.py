"""The client under pytest-asyncio: one fixture for each loop scope that a test may run in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import pytest_asyncio

from pytest_oneloop.plugin import RUN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import pytest

LoopScope = Literal["function", "class", "module", "package", "session"]
_LOOP_SCOPES: Final[tuple[LoopScope, ...]] = ("function", "class", "module", "package", "session")


def _client_on(loop_scope: LoopScope) -> Callable[..., Any]:
    async def client(oneloop_app: Any, pytestconfig: pytest.Config) -> AsyncIterator[Any]:
        async with pytestconfig.stash[RUN].client(oneloop_app) as opened:
            yield opened

    return pytest_asyncio.fixture(loop_scope=loop_scope, name=f"_oneloop_client_{loop_scope}")(
        client
    )


client_function = _client_on("function")
client_class = _client_on("class")
client_module = _client_on("module")
client_package = _client_on("package")
client_session = _client_on("session")
