"""Lifespans that would be waited for too long: deadlines, and openers that are cancelled."""

# ruff: noqa: ARG001  (an ASGI application takes three arguments, used or not)

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anyio
import pytest

from pytest_oneloop.application import Lifespan
from pytest_oneloop.errors.lifespan import LifespanTimeoutError
from tools.lifespan_tasks import lifespan_tasks

if TYPE_CHECKING:
    from pytest_oneloop.application.lifespan import ASGIApplication, Message, Receive, Send

pytestmark = pytest.mark.asyncio(loop_scope="function")


async def test_an_application_that_asks_for_ever_is_not_waited_for() -> None:
    cleaned: list[str] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        try:
            while message := await receive():
                await send({"type": f"{message['type']}.complete"})
        finally:
            cleaned.append("up")

    async with Lifespan(app, deadline=60):
        assert cleaned == []

    assert cleaned == ["up"]
    assert lifespan_tasks() == []


async def sleeps(scope: Message, receive: Receive, send: Send) -> None:
    await asyncio.sleep(3600)


async def sleeps_at_the_end(scope: Message, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await asyncio.sleep(3600)


async def sleeps_after_the_end(scope: Message, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
    await asyncio.sleep(3600)


@pytest.mark.parametrize(
    ("app", "phase", "side"),
    [
        (sleeps, "startup", "before"),
        (sleeps_at_the_end, "shutdown", "after"),
        (sleeps_after_the_end, "shutdown", "after"),
    ],
)
async def test_a_deadline_ends_the_wait(app: ASGIApplication, phase: str, side: str) -> None:
    with pytest.raises(LifespanTimeoutError) as caught:
        async with Lifespan(app, deadline=0.05):
            pass

    assert str(caught.value) == (
        f"OL308: the application's {phase} did not end within 0.05 s.\n"
        "  Likely cause: its lifespan handler waits for something that does not come in tests, "
        "such as another service, or a task that nobody stops.\n"
        f"  What to do: look at what the handler awaits {side} its yield, and give it a deadline, "
        "or replace it for tests."
    )
    assert lifespan_tasks() == []


@pytest.mark.parametrize("app", [sleeps, sleeps_at_the_end], ids=["startup", "shutdown"])
async def test_a_cancelled_opener_leaves_no_task_behind(app: ASGIApplication) -> None:
    async def use() -> None:
        async with Lifespan(app):
            pass

    using = asyncio.create_task(use())
    for _ in range(5):
        await asyncio.sleep(0)
    assert lifespan_tasks() == ["oneloop: lifespan"]

    using.cancel()
    with pytest.raises(asyncio.CancelledError):
        await using

    assert lifespan_tasks() == []


@pytest.mark.parametrize("app", [sleeps, sleeps_at_the_end], ids=["startup", "shutdown"])
async def test_an_anyio_scope_that_is_cancelled_leaves_no_task_behind(
    app: ASGIApplication,
) -> None:
    with anyio.move_on_after(0.05) as scope:
        async with Lifespan(app):
            pass
    await asyncio.sleep(0)

    assert scope.cancelled_caught
    assert lifespan_tasks() == []


async def test_leaving_what_was_never_entered_does_nothing() -> None:
    await Lifespan(sleeps).__aexit__(None, None, None)

    assert lifespan_tasks() == []
