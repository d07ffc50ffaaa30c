"""A connection of the plugin's own that stays open between tests.

Opening a connection costs 3 ms, a message 0.1 ms: what happens after every test must not open one.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_oneloop.databases.postgresql import Admin, administer, quote_literal, sqlstate_of
from pytest_oneloop.errors.connection import ServerTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_oneloop.databases.address import ServerAddress

T = TypeVar("T")

_SETTINGS = {
    # The values of rows are read as text and written back, so both must be in one notation.
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    # A database or a role may have other settings for its sessions.
    "default_transaction_read_only": "off",
    "default_transaction_isolation": "read committed",
    "row_security": "on",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    # Statements are prepared by name, and made to stay cheap.
    "plan_cache_mode": "force_generic_plan",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    # What is put back need not outlive a crash of the server.
    "synchronous_commit": "off",
}
# Who waits longer than this for a lock waits for a session that nobody expects there.
_LOCK_SECONDS = 5.0
# The server ends a statement this much earlier than the caller gives up.
_GRACE_SECONDS = 1.0

_Job = tuple["Future[Any]", "Callable[[Admin], Any]"]
_Jobs = queue.SimpleQueue["_Job | None"]


class StandingConnection:
    """One connection in autocommit, on a thread of its own, opened at the first use.

    It may be used from any thread, also from one that runs an event loop (which then waits).

    Args:
        address: The server.
        database: The database to connect to; the one for administration when left out.
        seconds: The deadline of each use. The server itself ends a statement one second before, and
            a wait for a lock after five.
    """

    def __init__(
        self, address: ServerAddress, database: str | None = None, *, seconds: float = 30.0
    ) -> None:
        self.address = address
        self._database = database
        self._seconds = seconds
        self._jobs: _Jobs | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._jobs is not None

    def run(self, work: Callable[[Admin], T], *, task: str) -> T:
        """Run `work` on the connection and return what it returns (0.1 ms and its messages).

        An error of `work` is raised here, and leaves the connection open.

        Args:
            work: What to do with it.
            task: What the work is, for the error: "was to {task}".

        Raises:
            ServerTimeoutError: It took longer than the deadline. The connection is given up.
        """
        return self.start(work, task=task)()

    def start(self, work: Callable[[Admin], T], *, task: str) -> Callable[[], T]:
        """Begin to run `work` on the connection.

        Args:
            work: As for `run`.
            task: As for `run`.

        Returns:
            What waits for it, returns what it returns, and raises what `run` would. The deadline
            begins when it is called.
        """
        answer: Future[T] = Future()
        (self._jobs or self._open()).put((answer, work))
        return partial(self._wait, answer, task)

    def _wait(self, answer: Future[T], task: str) -> T:
        try:
            return answer.result(self._seconds)
        except TimeoutError as error:
            if answer.done():
                raise  # the driver's own, which is one as well
            self._give_up()
            raise ServerTimeoutError(self.address, task=task, seconds=self._seconds) from error

    def close(self) -> None:
        """Close the connection, and wait for it. The next use opens another one."""
        thread = self._give_up()
        if thread is not None:
            thread.join(self._seconds)

    def _open(self) -> _Jobs:
        # The thread has no share in `self`: one that was given up must not meet its successor.
        self._jobs = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=_serve,
            args=(self.address, self._database, self._seconds, self._jobs),
            name="oneloop standing connection",
            daemon=True,
        )
        self._thread.start()
        return self._jobs

    def _give_up(self) -> threading.Thread | None:
        if self._jobs is not None:
            self._jobs.put(None)
        thread, self._jobs, self._thread = self._thread, None, None
        return thread


def _serve(address: ServerAddress, database: str | None, seconds: float, jobs: _Jobs) -> None:
    """Connect, and do one job after another until there is a `None`."""
    closing = False

    def serve(admin: Admin) -> None:
        nonlocal closing
        _settle(admin, seconds)
        while (job := jobs.get()) is not None:
            answer, work = job
            try:
                answer.set_result(work(admin))
            except Exception as error:  # noqa: BLE001 - raised again, in the thread that asked
                answer.set_exception(error)
        closing = True

    try:
        administer(address, serve, database=database, timeout=None, task="let the plugin in")
    except Exception as error:  # noqa: BLE001 - the same
        # A connection that ended long ago, by the server's will, cannot be closed gracefully.
        if closing:
            return
        while (job := jobs.get()) is not None:
            job[0].set_exception(error)


def is_lost(error: BaseException) -> bool:
    """Tell whether an error means that there is no connection any more."""
    state = sqlstate_of(error)
    if state is None:
        # What a driver raises without having heard from the server, by its name in PEP 249.
        names = {base.__name__ for base in type(error).__mro__}
        return not names.isdisjoint({"OperationalError", "InterfaceError"})
    return state.startswith("08") or state in {"57P01", "57P02", "57P03"}


def _settle(admin: Admin, seconds: float) -> None:
    settings = {
        **_SETTINGS,
        "statement_timeout": str(int(max(seconds - _GRACE_SECONDS, seconds / 2) * 1000)),
        "lock_timeout": str(int(min(_LOCK_SECONDS, seconds) * 1000)),
    }
    # A setting that this version of the server does not have is no error when asked for like this.
    wanted = ", ".join(
        f"({quote_literal(name)}, {quote_literal(v)})" for name, v in settings.items()
    )
    admin.rows(
        "SELECT set_config(s.name, w.value, false) FROM pg_catalog.pg_settings s "
        f"JOIN (VALUES {wanted}) w(name, value) ON lower(s.name) = w.name"
    )
