"""The startup and shutdown of an ASGI application, around the requests of a test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from pytest_oneloop.errors.lifespan import (
    LifespanEndedError,
    LifespanMessageError,
    LifespanTimeoutError,
    ShutdownFailedError,
    StartupFailedError,
)

if TYPE_CHECKING:
    from types import TracebackType

    from pytest_oneloop.errors.lifespan import Phase

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApplication: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

LIFESPAN_DEADLINE = 60.0
"""How long a startup and a shutdown may take, in seconds each."""

_CANCEL_DEADLINE = 5.0
"""How long a cancelled application may take to clean up, in seconds."""


class Lifespan:
    """An application that is started up while the context is open; itself an ASGI application.

    Startup and shutdown run in one task of their own, from beginning to end, so that task groups
    and cancel scopes may be open between them, although a fixture's two halves run in
    different tasks. The task starts with a copy of the opener's context variables. Each request
    gets a copy of the lifespan's state in its scope, as under a server.

    As the ASGI specification wants it, an application that raises when it is called for its
    lifespan, before it answered, has none; `unsupported` keeps what it raised.

    Costs one task and no I/O of its own. For one use; not to be shared between threads.

    Args:
        app: The application.
        deadline: For startup and for shutdown, in seconds each.

    Attributes:
        state: What the lifespan put into its state.
        unsupported: The error by which the application refused a lifespan, or `None`.
    """

    def __init__(self, app: ASGIApplication, *, deadline: float = LIFESPAN_DEADLINE) -> None:
        self.state: dict[str, Any] = {}
        self.unsupported: BaseException | None = None
        self._app = app
        self._deadline = deadline
        self._run: _Run | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handle one request: the application does, with the state in its scope."""
        __tracebackhide__ = True
        await self._app({**scope, "state": self.state.copy()}, receive, send)

    async def __aenter__(self) -> Self:
        """Start the application up.

        Raises:
            StartupFailedError: The application said so; its own error is the cause.
            LifespanTimeoutError: It did not answer in time, and was cancelled.
            LifespanMessageError: It answered with a message that the protocol does not have.
        """
        run = self._run = _Run(self._app, self.state, self._deadline)
        try:
            message = await run.ask("startup")
        except BaseException:
            await run.abandon()
            raise
        error = run.error
        if message is not None or isinstance(error, asyncio.CancelledError):
            raise StartupFailedError(reason=_reason(error, message)) from error
        if isinstance(error, LifespanMessageError):
            raise error
        if run.ended and not run.answered("startup"):
            self.unsupported = error
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Shut the application down, and wait until its task has ended.

        Raises:
            ShutdownFailedError: The application said so, or raised; its own error is the cause.
            LifespanEndedError: Its lifespan had failed before, while the test was running.
            LifespanTimeoutError: It did not end in time, and was cancelled.
        """
        run = self._run
        if run is None or (run.ended and not run.answered("startup")):
            return
        if run.ended:
            if run.error is not None:
                raise LifespanEndedError(reason=_reason(run.error)) from run.error
            return
        try:
            message = await run.ask("shutdown")
        except BaseException:
            await run.abandon()
            raise
        if message is not None or run.error is not None:
            raise ShutdownFailedError(reason=_reason(run.error, message)) from run.error


class _Run:
    """One run of the lifespan protocol: the task, what it was asked, and what it answered."""

    def __init__(self, app: ASGIApplication, state: dict[str, Any], deadline: float) -> None:
        loop = asyncio.get_running_loop()
        self._deadline = deadline
        self._asked: asyncio.Queue[Message] = asyncio.Queue()
        self._answers: dict[Phase, asyncio.Future[str | None]] = {
            "startup": loop.create_future(),
            "shutdown": loop.create_future(),
        }
        self._waits_for_nothing: asyncio.Future[None] = loop.create_future()
        self._abandoned = False
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": state,
        }
        self._task = asyncio.create_task(self._call(app, scope), name="oneloop: lifespan")

    @property
    def ended(self) -> bool:
        return self._task.done()

    @property
    def error(self) -> BaseException | None:
        """What the application raised, or `None`. Its own cancellation counts, ours does not."""
        if not self._task.done():
            return None
        if self._task.cancelled():
            return None if self._abandoned else asyncio.CancelledError("it was cancelled")
        return self._task.exception()

    def answered(self, phase: Phase) -> bool:
        return self._answers[phase].done()

    async def ask(self, phase: Phase) -> str | None:
        """Ask for a phase, and wait for the answer; for a last answer, until the task has ended.

        Returns:
            `None` for success, and where the task ended without an answer; the application's own
            message when it failed.
        """
        answer = self._answers[phase]
        self._asked.put_nowait({"type": f"lifespan.{phase}"})
        await self._wait_for(answer, phase)
        message = answer.result() if answer.done() else None
        if answer.done() and self._is_over:
            # Its own error, if any, comes after the answer. One that asks for more is not going
            # to end by itself, which is no mistake.
            await self._wait_for(self._waits_for_nothing, phase)
            await self.abandon()
        return message

    async def abandon(self) -> None:
        """Cancel the task if it still runs, and wait until it has ended, 5 s at most."""
        if self._task.done():
            return
        self._abandoned = True
        self._task.cancel()
        await asyncio.wait({self._task}, timeout=_CANCEL_DEADLINE)

    @property
    def _is_over(self) -> bool:
        startup, shutdown = self._answers["startup"], self._answers["shutdown"]
        return shutdown.done() or (startup.done() and startup.result() is not None)

    async def _wait_for(self, event: asyncio.Future[Any], phase: Phase) -> None:
        """Wait until `event` or the end of the task, whichever is first."""
        done, _ = await asyncio.wait(
            {self._task, event}, timeout=self._deadline, return_when=asyncio.FIRST_COMPLETED
        )
        if not done:
            raise LifespanTimeoutError(phase=phase, seconds=self._deadline)

    async def _call(self, app: ASGIApplication, scope: Message) -> None:
        await app(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        if self._is_over and not self._waits_for_nothing.done():
            self._waits_for_nothing.set_result(None)
        return await self._asked.get()

    async def _send(self, message: Message) -> None:
        phase: Phase = "shutdown" if self.answered("startup") else "startup"
        kind = str(message["type"])
        outcome = kind.removeprefix(f"lifespan.{phase}.")
        if outcome not in {"complete", "failed"} or self.answered(phase):
            raise LifespanMessageError(message=kind, state=phase)
        failed = outcome == "failed"
        self._answers[phase].set_result(str(message.get("message", "")) if failed else None)


def _reason(error: BaseException | None, message: str | None = None) -> str:
    """Return the error as one line; without one, what the application said."""
    if error is not None:
        return f"{type(error).__name__}: {error}"
    return " ".join((message or "").split()) or "it gave no reason"
