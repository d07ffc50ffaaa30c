"""Lifespans that fail: at the startup, during the test, at the shutdown, and by wrong messages."""

# ruff: noqa: ARG001  (an ASGI application takes three arguments, used or not)

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest
from starlette.applications import Starlette

from pytest_oneloop.application import Lifespan
from pytest_oneloop.errors.lifespan import (
    LifespanEndedError,
    LifespanMessageError,
    ShutdownFailedError,
    StartupFailedError,
)
from tools.lifespan_tasks import lifespan_tasks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pytest_oneloop.application.lifespan import Message, Receive, Send

pytestmark = pytest.mark.asyncio(loop_scope="function")

FAILED_AS_UNDER_A_SERVER = (
    "look at the error above, which is the application's own; it would fail in the same way "
    "under a server."
)


@pytest.mark.parametrize("then", ["returns", "asks again"])
async def test_a_startup_that_failed_says_what_the_application_said(then: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no\n  settings"})
        if then == "asks again":
            await receive()

    with pytest.raises(StartupFailedError) as caught:
        await Lifespan(app).__aenter__()

    assert str(caught.value) == (
        "OL305: the application's startup failed: no settings\n"
        "  Likely cause: its lifespan handler raised an error before its yield.\n"
        f"  What to do: {FAILED_AS_UNDER_A_SERVER}"
    )
    assert lifespan_tasks() == []


async def test_a_startup_that_raises_has_the_original_error_as_its_cause() -> None:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        raise ConnectionRefusedError(111, "no cache")
        yield

    with pytest.raises(StartupFailedError) as caught:
        await Lifespan(Starlette(lifespan=lifespan)).__aenter__()

    assert isinstance(caught.value.__cause__, ConnectionRefusedError)
    assert caught.value.reason == "ConnectionRefusedError: [Errno 111] no cache"


async def test_a_startup_that_was_cancelled_from_within_has_failed() -> None:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.current_task()
        assert task
        task.cancel()
        await asyncio.sleep(0)
        yield

    with pytest.raises(StartupFailedError) as caught:
        await Lifespan(Starlette(lifespan=lifespan)).__aenter__()

    assert caught.value.reason == "CancelledError: it was cancelled"


async def test_a_shutdown_that_raises() -> None:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        raise ValueError("still busy")

    opened = Lifespan(Starlette(lifespan=lifespan))
    await opened.__aenter__()
    with pytest.raises(ShutdownFailedError) as caught:
        await opened.__aexit__(None, None, None)

    assert isinstance(caught.value.__cause__, ValueError)
    assert str(caught.value) == (
        "OL309: the application's shutdown failed: ValueError: still busy\n"
        "  Likely cause: its lifespan handler raised an error after its yield.\n"
        "  What to do: look at the error above, which is the application's own."
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"type": "lifespan.shutdown.failed", "message": "still busy"}, "still busy"),
        ({"type": "lifespan.shutdown.failed"}, "it gave no reason"),
    ],
)
async def test_a_shutdown_that_says_it_failed(answer: dict[str, str], reason: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send(answer)

    opened = Lifespan(app)
    await opened.__aenter__()
    with pytest.raises(ShutdownFailedError) as caught:
        await opened.__aexit__(None, None, None)

    assert caught.value.reason == reason


async def test_an_error_after_the_answer_to_the_shutdown_is_raised_too() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        await asyncio.sleep(0)
        raise ValueError("late")

    opened = Lifespan(app)
    await opened.__aenter__()
    with pytest.raises(ShutdownFailedError) as caught:
        await opened.__aexit__(None, None, None)

    assert caught.value.reason == "ValueError: late"


async def test_a_task_of_the_lifespan_that_fails_during_the_test() -> None:
    async def work() -> None:
        raise ValueError("lost the broker")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:
            group.start_soon(work)
            yield

    opened = Lifespan(Starlette(lifespan=lifespan))
    await opened.__aenter__()
    await asyncio.wait(
        {task for task in asyncio.all_tasks() if "lifespan" in task.get_name()}, timeout=30
    )
    with pytest.raises(LifespanEndedError) as caught:
        await opened.__aexit__(None, None, None)

    group = caught.value.__cause__
    assert isinstance(group, ExceptionGroup)
    assert [str(error) for error in group.exceptions] == ["lost the broker"]
    assert str(caught.value) == (
        "OL310: the application's lifespan ended while the test was running: "
        f"ExceptionGroup: {group}\n"
        "  Likely cause: a task that the lifespan handler started failed, and took the handler "
        "with it.\n"
        "  What to do: look at the error above, which is the application's own."
    )


@pytest.mark.parametrize(
    ("kinds", "wrong", "state"),
    [
        (["lifespan.startup.done"], "lifespan.startup.done", "startup"),
        (["lifespan.shutdown.complete"], "lifespan.shutdown.complete", "startup"),
        (["http.response.start"], "http.response.start", "startup"),
    ],
)
async def test_a_message_that_the_protocol_does_not_have(
    kinds: list[str], wrong: str, state: str
) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        for kind in kinds:
            await send({"type": kind})

    with pytest.raises(LifespanMessageError) as caught:
        await Lifespan(app).__aenter__()

    assert str(caught.value) == (
        f"OL311: the application sent the lifespan message {wrong!r} during its {state}.\n"
        "  Likely cause: a middleware or a hand-written application sends it twice, or too late.\n"
        f"  What to do: send lifespan.{state}.complete or lifespan.{state}.failed, once."
    )


async def test_an_answer_that_is_sent_twice_surfaces_at_the_end() -> None:
    entered = asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await entered.wait()
        await send({"type": "lifespan.startup.complete"})

    opened = Lifespan(app)
    await opened.__aenter__()
    entered.set()
    await asyncio.sleep(0)
    with pytest.raises(LifespanEndedError) as caught:
        await opened.__aexit__(None, None, None)

    assert isinstance(caught.value.__cause__, LifespanMessageError)


async def test_an_error_in_the_body_is_kept_beside_that_of_the_shutdown() -> None:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        raise ValueError("still busy")

    with pytest.raises(ShutdownFailedError) as caught:
        async with Lifespan(Starlette(lifespan=lifespan)):
            raise KeyError("body")

    assert isinstance(caught.value.__context__, KeyError)
