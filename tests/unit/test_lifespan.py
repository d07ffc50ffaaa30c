"""The lifespan protocol: one task, its state, and every way in which it can go wrong."""

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
from pytest_oneloop.errors.lifespan import (
    LifespanEndedError,
    LifespanMessageError,
    LifespanTimeoutError,
    ShutdownFailedError,
    StartupFailedError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pytest_oneloop.application.lifespan import ASGIApplication, Message, Receive, Send

pytestmark = pytest.mark.asyncio(loop_scope="function")

FAILED_AS_UNDER_A_SERVER = (
    "look at the error above, which is the application's own; it would fail in the same way "
    "under a server."
)


def lifespan_tasks() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if "lifespan" in task.get_name()]


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


async def test_an_application_that_ends_by_itself_after_its_startup_is_fine() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})

    async with Lifespan(app) as running:
        await asyncio.sleep(0)

    assert running.unsupported is None


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


async def test_an_error_in_the_body_is_kept_beside_that_of_the_shutdown() -> None:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        raise ValueError("still busy")

    with pytest.raises(ShutdownFailedError) as caught:
        async with Lifespan(Starlette(lifespan=lifespan)):
            raise KeyError("body")

    assert isinstance(caught.value.__context__, KeyError)


async def test_leaving_what_was_never_entered_does_nothing() -> None:
    await Lifespan(sleeps).__aexit__(None, None, None)

    assert lifespan_tasks() == []


@pytest.mark.parametrize("times", [1, 200])
async def test_nothing_is_kept_from_one_use_to_the_next(times: int) -> None:
    before = len(asyncio.all_tasks())
    for _ in range(times):
        async with Lifespan(Starlette()):
            pass

    assert len(asyncio.all_tasks()) == before
