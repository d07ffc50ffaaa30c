"""The client: real applications of FastAPI and Starlette, on every kind of loop."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest
from fastapi import APIRouter, BackgroundTasks, FastAPI, HTTPException, Request
from fastapi.responses import RedirectResponse, StreamingResponse

from pytest_oneloop.application import client
from pytest_oneloop.errors.application import HttpClientMissingError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


routes = APIRouter()


@routes.get("/loop")
async def same_loop(request: Request) -> bool:
    return asyncio.get_running_loop() is request.state.loop


@routes.post("/double/{number}")
async def double(number: int, request: Request) -> list[int]:
    await request.state.send.send(number)
    with anyio.fail_after(30):
        while 2 * number not in request.state.doubled:
            await anyio.lowlevel.checkpoint()
    return list(request.state.doubled)


@routes.post("/background")
async def background(request: Request, tasks: BackgroundTasks) -> None:
    async def work() -> None:
        await anyio.lowlevel.checkpoint()
        request.state.done.append("background")

    tasks.add_task(work)


@routes.get("/done")
def read_done(request: Request) -> list[str]:
    return list(request.state.done)


@routes.get("/stream")
async def stream() -> StreamingResponse:
    async def parts() -> AsyncIterator[str]:
        for part in ("one", "two", "three"):
            await anyio.lowlevel.checkpoint()
            yield part

    return StreamingResponse(parts())


@routes.get("/error")
async def error() -> None:
    raise ZeroDivisionError("in the endpoint")


@routes.get("/missing")
async def missing() -> None:
    raise HTTPException(404)


@routes.get("/redirect")
async def redirect() -> RedirectResponse:
    return RedirectResponse("/done")


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
    """Keep a worker running, as an application with a queue does."""
    send, receive = anyio.create_memory_object_stream[int](10)
    doubled: list[int] = []

    async def work() -> None:
        async with receive:
            while True:
                try:
                    doubled.append(2 * await receive.receive())
                except anyio.EndOfStream:
                    return

    async with anyio.create_task_group() as group, send:
        group.start_soon(work)
        yield {
            "send": send,
            "doubled": doubled,
            "done": [],
            "loop": asyncio.get_running_loop(),
        }


def shop() -> FastAPI:
    app = FastAPI(lifespan=lifespan)
    app.include_router(routes)
    return app


class Scenarios:
    async def test_the_application_runs_on_the_loop_of_the_test(self) -> None:
        async with client(shop()) as http:
            assert (await http.get("/loop")).json() is True

    async def test_a_task_group_of_the_lifespan_works_for_the_requests(self) -> None:
        async with client(shop()) as http:
            assert (await http.post("/double/4")).json() == [8]
            assert (await http.post("/double/5")).json() == [8, 10]

    async def test_background_tasks_have_run_when_the_response_is_there(self) -> None:
        async with client(shop()) as http:
            await http.post("/background")

            assert (await http.get("/done")).json() == ["background"]

    async def test_a_streaming_response_is_whole(self) -> None:
        async with client(shop()) as http:
            assert (await http.get("/stream")).text == "onetwothree"

            async with http.stream("GET", "/stream") as response:
                assert [part async for part in response.aiter_text()] == ["onetwothree"]

    async def test_an_error_that_nobody_handles_is_raised_in_the_test(self) -> None:
        async with client(shop()) as http:
            with pytest.raises(ZeroDivisionError, match="in the endpoint"):
                await http.get("/error")

            assert (await http.get("/missing")).status_code == 404

    async def test_twenty_requests_at_once(self) -> None:
        async with client(shop()) as http:
            responses = await asyncio.gather(*(http.get("/loop") for _ in range(20)))

        assert [response.json() for response in responses] == [True] * 20

    async def test_the_rest_is_as_httpx_has_it(self) -> None:
        async with client(shop()) as http:
            response = await http.get("/redirect")

            assert response.status_code == 307
            assert str(response.url) == "http://testserver/redirect"
        assert http.is_closed

    async def test_another_base_url(self) -> None:
        async with client(shop(), base_url="https://shop.example/") as http:
            assert str((await http.get("done")).url) == "https://shop.example/done"


@pytest.mark.asyncio(loop_scope="function")
class TestOnALoopOfItsOwn(Scenarios):
    pass


@pytest.mark.asyncio(loop_scope="session")
class TestOnTheSessionsLoop(Scenarios):
    pass


@pytest.mark.anyio
class TestUnderAnyio(Scenarios):
    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"


FIXTURE = """
import asyncio
from contextlib import asynccontextmanager
import anyio
import pytest
from fastapi import FastAPI
from pytest_oneloop.application import client

EVENTS = []

async def work():
    try:
        await anyio.sleep_forever()
    finally:
        EVENTS.append("stopped")

@asynccontextmanager
async def lifespan(app):
    async with anyio.create_task_group() as group:
        group.start_soon(work)
        EVENTS.append("up")
        yield
        EVENTS.append("down")
        group.cancel_scope.cancel()

app = FastAPI(lifespan=lifespan)

@app.get("/")
async def root():
    return list(EVENTS)

async def opened():
    async with client(app) as http:
        yield http

async def check(http):
    assert (await http.get("/")).json()[-1] == "up"
"""

PYTEST_ASYNCIO = """
import pytest_asyncio
http = pytest_asyncio.fixture(loop_scope="{scope}")(opened)

@pytest.mark.asyncio(loop_scope="{scope}")
@pytest.mark.parametrize("number", [1, 2])
async def test_http(http, number):
    await check(http)
"""

ANYIO = """
http = pytest.fixture(opened)

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.anyio
@pytest.mark.parametrize("number", [1, 2])
async def test_http(http, number):
    await check(http)
"""

AFTERWARDS = """
def test_afterwards():
    assert EVENTS == ["up", "down", "stopped"] * 2
"""


@pytest.mark.parametrize(
    "runner",
    [PYTEST_ASYNCIO.format(scope="function"), PYTEST_ASYNCIO.format(scope="session"), ANYIO],
    ids=["function loops", "session loop", "anyio"],
)
def test_a_fixture_may_open_and_close_it_in_different_tasks(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, runner: str
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeini(
        "[pytest]\nfilterwarnings=error\nasyncio_default_fixture_loop_scope=function\n"
    )
    pytester.makepyfile(FIXTURE + runner + AFTERWARDS)

    result = pytester.runpytest_inprocess(
        "-p", "pytest_asyncio.plugin", "-p", "anyio.pytest_plugin"
    )

    result.assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("hidden", "taken"), [((), "httpx2"), (("httpx2",), "httpx"), (("httpx",), "httpx2")]
)
@pytest.mark.asyncio(loop_scope="function")
async def test_the_newer_library_is_taken_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, hidden: tuple[str, ...], taken: str
) -> None:
    library = pytest.importorskip(taken)
    for name in hidden:
        monkeypatch.setitem(sys.modules, name, None)

    async with client(shop()) as http:
        assert isinstance(http, library.AsyncClient)
        assert (await http.get("/loop")).json() is True


@pytest.mark.asyncio(loop_scope="function")
async def test_neither_library_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    monkeypatch.setitem(sys.modules, "httpx2", None)

    with pytest.raises(HttpClientMissingError) as caught:
        await client(shop()).__aenter__()

    assert str(caught.value) == (
        "OL304: the client fixture is used, and neither httpx nor httpx2 is installed.\n"
        "  Likely cause: the client is httpx's, which this plugin does not install by itself.\n"
        "  What to do: pip install httpx"
    )


@pytest.mark.asyncio(loop_scope="function")
async def test_a_library_that_lacks_something_itself_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "httpx2.py").write_text("import qqqzzz")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "httpx2", raising=False)

    with pytest.raises(ModuleNotFoundError, match="qqqzzz"):
        await client(shop()).__aenter__()
