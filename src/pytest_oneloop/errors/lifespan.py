"""What can go wrong while an application starts up and shuts down (OL3xx)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pytest_oneloop.errors import OneloopError

Phase = Literal["startup", "shutdown"]

_BESIDE_YIELD: dict[Phase, str] = {"startup": "before", "shutdown": "after"}


class StartupFailedError(OneloopError):
    """The application said that its startup failed; the original error is the cause.

    Args:
        reason: The error's type and text, or what the application said.
    """

    code: ClassVar[str] = "OL305"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"the application's startup failed: {reason}",
            why="its lifespan handler raised an error before its yield.",
            instead="look at the error above, which is the application's own; it would fail in "
            "the same way under a server.",
        )


class LifespanTimeoutError(OneloopError):
    """The application did not finish its startup or shutdown in time, and was cancelled.

    Args:
        phase: Which of the two.
        seconds: How long it was waited for.
    """

    code: ClassVar[str] = "OL308"

    def __init__(self, *, phase: Phase, seconds: float) -> None:
        self.phase = phase
        self.seconds = seconds
        super().__init__(
            f"the application's {phase} did not end within {seconds:g} s.",
            why="its lifespan handler waits for something that does not come in tests, such as "
            "another service, or a task that nobody stops.",
            instead=f"look at what the handler awaits {_BESIDE_YIELD[phase]} its yield, and give "
            "it a deadline, or replace it for tests.",
        )


class ShutdownFailedError(OneloopError):
    """The application's shutdown failed; the original error, if it raised one, is the cause.

    Args:
        reason: The error's type and text, or what the application said.
    """

    code: ClassVar[str] = "OL309"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"the application's shutdown failed: {reason}",
            why="its lifespan handler raised an error after its yield.",
            instead="look at the error above, which is the application's own.",
        )


class LifespanEndedError(OneloopError):
    """The application's lifespan failed after its startup, before it was asked to shut down.

    Args:
        reason: The error's type and text.
    """

    code: ClassVar[str] = "OL310"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"the application's lifespan ended while the test was running: {reason}",
            why="a task that the lifespan handler started failed, and took the handler with it.",
            instead="look at the error above, which is the application's own.",
        )


class LifespanMessageError(OneloopError):
    """The application sent a message that has no place in the lifespan protocol.

    Args:
        message: The type of the message.
        state: What was expected then, such as `startup`.
    """

    code: ClassVar[str] = "OL311"

    def __init__(self, *, message: str, state: str) -> None:
        self.message = message
        self.state = state
        super().__init__(
            f"the application sent the lifespan message {message!r} during its {state}.",
            why="a middleware or a hand-written application sends it twice, or too late.",
            instead=f"send lifespan.{state}.complete or lifespan.{state}.failed, once.",
        )
