"""Loaded into the pytest of a set-up: says which test begins, and how each one ended.

It speaks over a socket that the demonstration has opened, in lines of JSON. When a test begins it
waits for an answer, so that what the test finds can be looked at before it does anything. It
touches no test, no fixture and no event loop.
"""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

CHANNEL = "ONELOOP_DEMO_CHANNEL"
"""The environment variable that holds the number of the socket's file descriptor."""

_ANSWER_SECONDS = 30.0


class Observer:
    """Tells what happens.

    Args:
        channel: The socket; it is closed at the end of the run.
    """

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Say that a test begins, and wait for the answer."""
        self._say(begins=nodeid)
        self._channel.recv(1)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Say how one phase of a test ended."""
        self._say(test=report.nodeid, when=report.when, outcome=report.outcome)

    def pytest_exception_interact(self, call: pytest.CallInfo[object]) -> None:
        """Say what was raised."""
        if call.excinfo is not None:
            raised = [
                {"text": str(error), "is_assertion": isinstance(error, AssertionError)}
                for error in causes(call.excinfo.value)
            ]
            self._say(raised=raised)

    def pytest_unconfigure(self) -> None:
        """Close the socket."""
        self._channel.close()

    def _say(self, **event: object) -> None:
        self._channel.sendall(json.dumps(event).encode() + b"\n")


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield what an error comes from, the innermost first, and then the error itself."""
    below = error.__cause__
    if below is None and not error.__suppress_context__:
        below = error.__context__
    if below is not None:
        yield from causes(below)
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from causes(member)
    yield error


def pytest_configure(config: pytest.Config) -> None:
    """Connect, and stay until the end of the run."""
    channel = socket.socket(fileno=int(os.environ[CHANNEL]))
    channel.settimeout(_ANSWER_SECONDS)
    config.pluginmanager.register(Observer(channel), "oneloop-demo-observer")
