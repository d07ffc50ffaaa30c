"""Work on a thread of its own, and waits that Ctrl-C ends."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

_DEADLINE: Final = 1800.0
"""Seconds for a database to come up: the longest migration that anyone would wait for."""


def on_a_thread(work: Callable[[], T]) -> T:
    """Run `work` on a thread of its own, where no event loop runs, and wait for it."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            outcome.set_exception(error)

    threading.Thread(target=run, name="pytest-oneloop database", daemon=True).start()
    with interruptible():
        return outcome.result(_DEADLINE)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end a wait that blocks an event loop.

    `asyncio` answers the first Ctrl-C by a note to its loop, which would read it after the wait.
    """
    ours = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT) if ours else None
    # What was not installed from Python cannot be put back; SIG_IGN is somebody's decision.
    if not callable(before):
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
