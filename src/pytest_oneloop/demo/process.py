"""One pytest process, run in a set-up's folder and listened to."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_oneloop.demo.measurement import Raised
from pytest_oneloop.demo.observer import CHANNEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

DEADLINE = 60.0
"""Seconds that one set-up may take; it takes one or two."""

_TAIL = 15
_UNWANTED = {"CI", "APP_DATABASE_URL", "PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "PYTHONWARNINGS"}
_PASSED_AND_FAILED = (0, 1)


class RunFailedError(Exception):
    """The tests did not run to their end.

    Attributes:
        reason: What went wrong; a part of a sentence.
        output: The last lines that pytest wrote.
    """

    def __init__(self, reason: str, output: list[str]) -> None:
        self.reason = reason
        self.output = output
        super().__init__(reason)


@dataclass
class Outcome:
    """What the tests of a run did.

    Attributes:
        tests: For each test, whether it has passed so far.
        raised: Every error, in the order of the tests; for one failure the innermost one first.
        seconds: From the start of the process to its end.
    """

    tests: dict[str, bool] = field(default_factory=dict)
    raised: list[Raised] = field(default_factory=list)
    seconds: float = 0.0

    def take(self, event: dict[str, Any]) -> None:
        """Take what the observer said."""
        if "begins" in event:
            self.tests[event["begins"]] = True
        elif "test" in event:
            self.tests[event["test"]] &= event["outcome"] == "passed"
        else:
            self.raised += [Raised(**error) for error in event["raised"]]


def run_pytest(
    folder: Path,
    *,
    plugin: bool,
    environment: Mapping[str, str],
    begins: Callable[[], None],
    seconds: float = DEADLINE,
) -> Outcome:
    """Run the tests of a folder, with pytest-asyncio and with or without the plugin.

    No other plugin is loaded, whatever is installed, so that the same is measured everywhere.

    Args:
        folder: Holds the tests and their `pytest.ini`.
        plugin: Whether the plugin is on.
        environment: Variables to set.
        begins: Called at the beginning of each test, which waits for it.
        seconds: How long it may take; it is killed then.

    Raises:
        RunFailedError: The tests did not run to their end.
    """
    command = [
        *(sys.executable, "-m", "pytest", "--tb=short", "-p", "no:cacheprovider"),
        *("-p", "asyncio", "-p", "oneloop" if plugin else "no:oneloop"),
        *("-p", "pytest_oneloop.demo.observer"),
    ]
    outcome = Outcome()
    ours, theirs = socket.socketpair()
    with ours, theirs, tempfile.TemporaryFile() as output:
        started = time.monotonic()
        variables = _environment(environment) | {CHANNEL: str(theirs.fileno())}
        with _process(command, folder, variables, theirs, output.fileno()) as process:
            theirs.close()
            try:
                for event in _events(ours, started + seconds):
                    outcome.take(event)
                    if "begins" in event:
                        begins()
                        ours.sendall(b".")
                code = process.wait(max(0.0, started + seconds - time.monotonic()))
            except (TimeoutError, subprocess.TimeoutExpired) as error:
                reason = f"it did not end within {seconds:.0f} s"
                raise RunFailedError(reason, _tail(output.fileno())) from error
            except ConnectionError as error:
                raise RunFailedError("pytest ended too early", _tail(output.fileno())) from error
        outcome.seconds = time.monotonic() - started
        if code not in _PASSED_AND_FAILED or not outcome.tests:
            raise RunFailedError(f"pytest ended with code {code}", _tail(output.fileno()))
    return outcome


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without what would change what pytest does."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _UNWANTED and not name.startswith(("PYTEST_", "ONELOOP_"))
    }
    fixed = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return {**kept, **fixed, **more}


@contextmanager
def _process(
    command: list[str],
    folder: Path,
    environment: dict[str, str],
    channel: socket.socket,
    output: int,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process, and end it with its children should it still run when the block ends."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        pass_fds=[channel.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        # Ctrl-C in a terminal reaches this process alone, which then ends the other.
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _events(channel: socket.socket, until: float) -> Iterator[dict[str, Any]]:
    """Yield what is said, until the other side closes.

    Raises:
        TimeoutError: It did not close in time.
    """
    rest = b""
    while True:
        channel.settimeout(max(0.001, until - time.monotonic()))
        data = channel.recv(65536)
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield json.loads(line)


def _tail(output: int) -> list[str]:
    size = os.fstat(output).st_size
    text = os.pread(output, size, 0).decode(errors="replace")
    return text.rstrip().splitlines()[-_TAIL:]
