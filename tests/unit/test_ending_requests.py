"""Requests that nobody waits for any more end with their client, before the application does."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest
from fastapi import FastAPI

from pytest_oneloop.application import client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECONDS = 30.0


class Slow:
    """An application of whose requests one fails, and others take their time."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.begun = asyncio.Event()
        self.go_on = threading.Event()
        self.app = FastAPI(lifespan=self.lifespan)
        self.app.get("/waits")(self.wait)
        self.app.get("/fails")(self.fail)
        self.app.get("/works")(self.work)

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        yield
        self.events.append("shutdown")

    async def wait(self) -> None:
        self.begun.set()
        try:
            await anyio.sleep(SECONDS)
        finally:
            self.events.append("request ended")

    async def fail(self) -> None:
        await self.begun.wait()
        raise ZeroDivisionError

    def work(self) -> None:
        """Run in a thread, which nothing can interrupt."""
        anyio.from_thread.run_sync(self.begun.set)
        self.go_on.wait(0.05)
        self.events.append("thread ended")

    async def run(self, path: str) -> None:
        async with client(self.app) as http:
            with pytest.raises(ZeroDivisionError):
                await asyncio.gather(http.get(path), http.get("/fails"))


@pytest.mark.parametrize("path", ["/waits", "/works"])
def test_what_is_left_of_several_requests_ends_first(path: str) -> None:
    async def body() -> list[str]:
        slow = Slow()
        async with asyncio.timeout(SECONDS):
            await slow.run(path)
        return slow.events

    ended = "request ended" if path == "/waits" else "thread ended"
    assert asyncio.run(body()) == [ended, "shutdown"]


def test_a_request_within_a_request_does_not_end_early() -> None:
    async def body() -> list[int]:
        app = FastAPI()
        async with client(app) as http:

            @app.get("/outer")
            async def outer() -> list[int]:
                return [(await http.get("/inner")).json(), (await http.get("/inner")).json()]

            @app.get("/inner")
            async def inner() -> int:
                await anyio.lowlevel.checkpoint()
                return 1

            numbers: list[int] = (await http.get("/outer")).json()
            return numbers

    assert asyncio.run(body()) == [1, 1]
