"""The lifespan protocol: one task, its context, and its state."""

# ruff: noqa: ARG001  (an ASGI application takes three arguments, used or not)

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from starlette.applications import Starlette

from pytest_oneloop.application import Lifespan
from tools.lifespan_tasks import lifespan_tasks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pytest_oneloop.application.lifespan import ASGIApplication, Message, Receive, Send

pytestmark = pytest.mark.asyncio(loop_scope="function")


async def test_startup_and_shutdown_run_in_one_task_that_ends() -> None:
    tasks: list[asyncio.Task[Any] | None] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        tasks.append(asyncio.current_task())
        yield
        tasks.append(asyncio.current_task())

    async with Lifespan(Starlette(lifespan=lifespan)):
        assert lifespan_tasks() == ["oneloop: lifespan"]

    assert tasks[0] is tasks[1]
    assert tasks[0] is not asyncio.current_task()
    assert lifespan_tasks() == []


async def test_a_task_group_and_a_cancel_scope_may_be_open_over_the_yield() -> None:
    seen: list[str] = []

    async def work() -> None:
        try:
            seen.append("started")
            await anyio.sleep_forever()
        finally:
            seen.append("stopped")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:
            group.start_soon(work)
            with anyio.CancelScope():
                yield
            group.cancel_scope.cancel()

    opened = Lifespan(Starlette(lifespan=lifespan))
    # As the two halves of a fixture do it: in a task each.
    await asyncio.create_task(opened.__aenter__())
    await asyncio.sleep(0)
    assert seen == ["started"]
    await asyncio.create_task(opened.__aexit__(None, None, None))

    assert seen == ["started", "stopped"]


async def test_the_lifespan_has_a_copy_of_the_openers_context() -> None:
    variable: ContextVar[str] = ContextVar("variable", default="unset")
    seen: list[str] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        seen.append(variable.get())
        variable.set("lifespan")
        yield
        seen.append(variable.get())

    variable.set("opener")
    async with Lifespan(Starlette(lifespan=lifespan)):
        variable.set("test")

    assert seen == ["opener", "lifespan"]
    assert variable.get() == "test"


async def test_each_request_gets_a_copy_of_the_state() -> None:
    scopes: list[Message] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            scopes.append(scope)
            scope["state"]["mine"] = len(scopes)
            return
        await receive()
        scope["state"]["shared"] = []
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def unused(*_: Any) -> Any:
        raise AssertionError

    async with Lifespan(app) as running:
        given = {"type": "http", "path": "/"}
        await running(given, unused, unused)
        await running(given, unused, unused)

        assert running.state == {"shared": []}
    assert [scope["state"] for scope in scopes] == [
        {"shared": [], "mine": 1},
        {"shared": [], "mine": 2},
    ]
    assert scopes[0]["state"]["shared"] is scopes[1]["state"]["shared"]
    assert given == {"type": "http", "path": "/"}


async def refuses_the_scope(scope: Message, receive: Receive, send: Send) -> None:
    assert scope["type"] == "http"


async def refuses_the_message(scope: Message, receive: Receive, send: Send) -> None:
    message = await receive()
    assert message["type"] == "http.request"


async def returns(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return


@pytest.mark.parametrize(
    ("app", "refusal"),
    [
        (refuses_the_scope, AssertionError),
        (refuses_the_message, AssertionError),
        (returns, type(None)),
    ],
)
async def test_an_application_without_a_lifespan_is_fine(
    app: ASGIApplication, refusal: type[object]
) -> None:
    async with Lifespan(app) as running:
        assert isinstance(running.unsupported, refusal)
        assert lifespan_tasks() == []


async def test_an_application_that_ends_by_itself_after_its_startup_is_fine() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})

    async with Lifespan(app) as running:
        await asyncio.sleep(0)

    assert running.unsupported is None


@pytest.mark.parametrize("times", [1, 200])
async def test_nothing_is_kept_from_one_use_to_the_next(times: int) -> None:
    before = len(asyncio.all_tasks())
    for _ in range(times):
        async with Lifespan(Starlette()):
            pass

    assert len(asyncio.all_tasks()) == before
