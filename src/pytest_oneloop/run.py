"""One run of pytest: the one place that wires server, template, database and sandbox together."""

from __future__ import annotations

import secrets
import signal
import threading
from concurrent.futures import Future
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    ExitStack,
    contextmanager,
)
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pytest_oneloop import application, forecast, provision
from pytest_oneloop.errors import SetupError
from pytest_oneloop.isolation import ROLLBACK, Ending, RealDatabases
from pytest_oneloop.sandbox.checkouts import REQUEST
from pytest_oneloop.sandbox.router import Router
from pytest_oneloop.sandbox.sessions import closed_afterwards
from pytest_oneloop.scoped import ScopedRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncSession

    from pytest_oneloop.application.lifespan import ASGIApplication, Message, Receive, Send
    from pytest_oneloop.forecast import Forecast
    from pytest_oneloop.provision import Destination, WorkerDatabase
    from pytest_oneloop.sandbox.sandbox import Sandbox
    from pytest_oneloop.settings import Settings

T = TypeVar("T")

_DEADLINE: Final = 1800.0
"""Seconds for the database to come up: the longest migration that anyone would wait for."""


class TestRun:
    """A run, or one xdist worker's part of it.

    Args:
        settings: The user's.
        rootdir: pytest's.
    """

    __test__ = False

    def __init__(self, settings: Settings, *, rootdir: Path) -> None:
        self.settings = settings
        self._rootdir = rootdir
        self._run_id = secrets.token_hex(8)
        self._worker = "main"
        self._stack = ExitStack()
        self._coming_up = threading.Lock()
        self._database: WorkerDatabase | None = None
        self.failure: SetupError | None = None
        self._app: tuple[object, ASGIApplication] | None = None
        self._isolated: dict[str, bool] = {}
        self.statements = 0
        self.router = Router(
            self._destination, frozenset(settings.passthrough.value), settle=self._settle
        )
        self.scoped = ScopedRows(self.router)
        self.strategy = ROLLBACK
        self._real = RealDatabases(
            self.database, _on_a_thread, _interruptible, self.router.give_up_lingering
        )

    # -- order -------------------------------------------------------------------------------

    def join(self, *, run_id: str, worker: str) -> None:
        """Be one worker of a run that has several, and share one server with the others.

        Must come before the first use of a database: a server that is there stays.

        Args:
            run_id: The same for all workers of the run; small letters and digits.
            worker: The worker's name, different for each.
        """
        self._run_id = run_id
        self._worker = worker

    def expect_clones(self, number: int) -> None:
        """Let so many clones be made ahead, at most, once a test has asked for one."""
        self._real.clones_wanted = number

    def start(self) -> None:
        """Answer for every engine from now on. Nothing else is started before it is needed."""
        self.router.listen()

    def close(self) -> None:
        """End all that was started, last things first."""
        try:
            self.router.close()
        finally:
            _on_a_thread(self._stack.close)

    def begin(self, test: str, *, hosted: bool, strategy: str = ROLLBACK) -> Sandbox:
        """A test begins, before its fixtures.

        Args:
            test: Its node id.
            hosted: It is synchronous, so event loops may come and go within it.
            strategy: `rollback`, `commit` or `clone`.
        """
        self.strategy = strategy
        target = None if strategy == ROLLBACK else self._real.begin(strategy)
        return self.router.begin(test, hosted=hosted, target=target, pools=strategy)

    def finish(self) -> None:
        """The test itself has ended; its fixtures come next."""
        self.router.sandbox.closing = True
        if self.strategy != ROLLBACK:
            self._real.finish()

    def end(self, *, last: bool = False) -> Ending:
        """The test's fixtures have ended as well; its database begins to be put back.

        Args:
            last: No other test follows, whose first use of the database would wait for that.
        """
        sandbox = self.router.sandbox
        used = self.strategy != ROLLBACK and self._real.used
        blockers, prepared = self._real.release()
        named = [self.router.ended(one.pid, str(one)) for one in blockers]
        left_open = self.router.end()
        cleared = self._real.end(self.router) if used else None
        if cleared is not None:
            named += [self.router.ended(one.pid, str(one)) for one in cleared.ended]
            prepared += cleared.prepared
        elif sandbox.leaked and self._database is not None:
            self._real.renew(self.router)
        if last:
            self._settle()
        self.strategy = ROLLBACK
        if sandbox.statements:
            self._isolated[sandbox.test] = sandbox.real
            self.statements += sandbox.statements
        return Ending(
            problems=list(sandbox.problems),
            limits=list(sandbox.watch.met),
            left_open=left_open,
            in_the_way=[words for words in named if words],
            prepared=prepared,
            used=sandbox.used or used,
        )

    @property
    def tests(self) -> int:
        """How many tests have sent something."""
        return len(self._isolated)

    @property
    def real_tests(self) -> int:
        """How many of them have committed for real, when they ran last."""
        return sum(self._isolated.values())

    # -- the database --------------------------------------------------------------------------

    @property
    def started(self) -> WorkerDatabase | None:
        """The worker's database, if a test has needed it yet."""
        return self._database

    def database(self) -> WorkerDatabase:
        """Return the worker's database; the first call brings it up, which may take seconds.

        Raises:
            SetupError: There can be none. Later calls raise the same error at once.
        """
        with self._coming_up:
            if self.failure is not None:
                raise self.failure
            if self._database is None:
                try:
                    self._database = _on_a_thread(self._bring_up)
                except SetupError as error:
                    self.failure = error
                    raise
            return self._database

    def forecast(self) -> Forecast:
        """Say what the run will use, without starting it."""
        return forecast.forecast(self._plan())

    def _plan(self) -> provision.Plan:
        return provision.Plan(
            self.settings, self._rootdir, self._run_id, self._worker, self.router.redirected
        )

    def _bring_up(self) -> WorkerDatabase:
        database = self._stack.enter_context(provision.worker_database(self._plan()))
        # Before the server goes, on which they are.
        self._stack.callback(self._real.close)
        return database

    def _destination(self) -> Destination:
        __tracebackhide__ = True
        self._settle()
        return self.database().destination

    def _settle(self) -> None:
        self._real.settle(self.router)

    def destination(self) -> Destination:
        """Return the database of the running test, or of the worker outside of tests."""
        self._settle()
        return self._real.destination() if self.strategy != ROLLBACK else self._destination()

    def show_database(self) -> None:
        """The test wants to know its database, to which others may connect then."""
        self.router.sandbox.show_database()

    def url(self) -> str:
        """Return the URL of the test's database, for an asynchronous driver if there is one."""
        return self._url(self.destination())

    def worker_url(self) -> str:
        """Return the URL of the worker's database, likewise."""
        return self._url(self._destination())

    def _url(self, destination: Destination) -> str:
        from pytest_oneloop.databases.urls import connect_url  # noqa: PLC0415 - on first need
        from pytest_oneloop.drivers import asynchronous_drivername  # noqa: PLC0415

        name = asynchronous_drivername(self.database().driver)
        url = connect_url(name, destination.address, destination.database)
        # SQLAlchemy leaves spaces as they are, for which libpq refuses a URL.
        return url.render_as_string(hide_password=False).replace(" ", "%20")

    def session(self, session: AsyncSession) -> AbstractContextManager[AsyncSession]:
        """Return a context that ends with the test, and closes the session with no loop's help."""
        return closed_afterwards(session, real=self.strategy != ROLLBACK)

    # -- the application -------------------------------------------------------------------------

    def client(self, app: object) -> AbstractAsyncContextManager[Any]:
        """Return an HTTP client of an application, its lifespan run, as `async with` block.

        Raises:
            NotAnApplicationError: It is no ASGI application.
        """
        if self._app is None or self._app[0] is not app:
            checked = application.check_application(
                app, name="oneloop_app", source="a fixture, or an argument of oneloop.client"
            )
            self._app = (app, _traced(checked))
        return application.client(self._app[1])


def _traced(app: ASGIApplication) -> ASGIApplication:
    """Return the application with each request marked, so that its tasks know one another."""

    async def serve(scope: Message, receive: Receive, send: Send) -> None:
        __tracebackhide__ = True
        token = REQUEST.set(object())
        try:
            await app(scope, receive, send)
        finally:
            REQUEST.reset(token)

    return serve


def _on_a_thread(work: Callable[[], T]) -> T:
    """Run `work` on a thread of its own, where no event loop runs, and wait for it."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            outcome.set_exception(error)

    threading.Thread(target=run, name="pytest-oneloop database", daemon=True).start()
    with _interruptible():
        return outcome.result(_DEADLINE)


@contextmanager
def _interruptible() -> Iterator[None]:
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
