"""One run of pytest: the one place that wires server, template, database and sandbox together."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from pytest_oneloop import application
from pytest_oneloop.aliases import same_databases
from pytest_oneloop.errors.addresses import UnknownDatabaseError
from pytest_oneloop.isolation import ROLLBACK, Ending
from pytest_oneloop.keys import key_of, name_of
from pytest_oneloop.kinds import kind_of
from pytest_oneloop.kinds.backends import Backends
from pytest_oneloop.kinds.signs import likely_dialect
from pytest_oneloop.named import named_schemas
from pytest_oneloop.plan import Plan
from pytest_oneloop.sandbox.addresses import Addresses
from pytest_oneloop.sandbox.checkouts import REQUEST
from pytest_oneloop.sandbox.router import Router
from pytest_oneloop.sandbox.sessions import closed_afterwards
from pytest_oneloop.scoped import ScopedRows
from pytest_oneloop.waiting import on_a_thread

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncSession

    from pytest_oneloop.application.lifespan import ASGIApplication, Message, Receive, Send
    from pytest_oneloop.errors import SetupError
    from pytest_oneloop.forecast import Forecast
    from pytest_oneloop.kinds import Destination
    from pytest_oneloop.plan import WorkerDatabase
    from pytest_oneloop.sandbox.sandbox import Sandbox
    from pytest_oneloop.settings import Settings


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
        self._app: tuple[object, ASGIApplication] | None = None
        self._isolated: dict[str, bool] = {}
        self.statements = 0
        self._names = list(named_schemas(settings.databases.value))
        self.addresses = Addresses(same_databases(settings.alias.value), self._names)
        self.router = Router(
            self._destination,
            frozenset(settings.passthrough.value),
            settle=self._settle,
            addresses=self.addresses,
        )
        self.backends = Backends(self._plan, self.router)
        self.scoped = ScopedRows(self.router)
        self.strategy = ROLLBACK

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
        self.backends.expect_clones(number)

    def start(self) -> None:
        """Answer for every engine from now on. Nothing else is started before it is needed."""
        self.router.listen()

    def close(self) -> None:
        """End all that was started, last things first."""
        try:
            self.router.close()
        finally:
            on_a_thread(self.backends.close)

    def begin(self, test: str, *, hosted: bool, strategy: str = ROLLBACK) -> Sandbox:
        """A test begins, before its fixtures.

        Args:
            test: Its node id.
            hosted: It is synchronous, so event loops may come and go within it.
            strategy: `rollback`, `commit` or `clone`.
        """
        self.strategy = strategy
        pools = self.backends.begin(strategy)
        target = None if strategy == ROLLBACK else self.backends.destination
        return self.router.begin(test, hosted=hosted, target=target, pools=pools)

    def finish(self) -> None:
        """The test itself has ended; its fixtures come next."""
        self.router.sandbox.closing = True
        self.backends.finish()

    def end(self, *, last: bool = False) -> Ending:
        """The test's fixtures have ended as well; its database begins to be put back.

        Args:
            last: No other test follows, whose first use of the database would wait for that.
        """
        sandbox = self.router.sandbox
        used = self.strategy != ROLLBACK and self.backends.used
        named, prepared = self.backends.release()
        left_open = self.router.end()
        more, others = self.backends.end(leaked=sandbox.leaked)
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
            in_the_way=[words for words in named + more if words],
            prepared=prepared + others,
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
    def failure(self) -> SetupError | None:
        """Why the run can have no database, once that is known."""
        return self.backends.failure

    @property
    def started(self) -> list[WorkerDatabase[Any]]:
        """The worker's databases that tests have needed so far."""
        return [one.started for one in self.backends.all if one.started is not None]

    def forecasts(self) -> dict[str, Forecast]:
        """Say what the run will use, without starting it: for each name, the main one's empty."""
        plans = map(self._plan, ("", *self._names))
        return {plan.name: kind_of(likely_dialect(plan)).forecast(plan) for plan in plans}

    def _plan(self, name: str) -> Plan:
        # A run of its own for each database: so servers, folders and databases are told apart.
        run_id = f"{self._run_id}d{self._names.index(name) + 1}" if name else self._run_id
        redirect = self.router.redirected
        return Plan(self.settings, self._rootdir, run_id, self._worker, redirect, name)

    def _destination(self, key: str) -> Any:
        __tracebackhide__ = True
        return self.backends.of_worker(key)

    def _settle(self) -> None:
        self.backends.settle()

    def destination(self, name: str = "") -> Destination:
        """Show a database of the running test, or of the worker outside of tests.

        Args:
            name: Which one; empty for the main one.
        """
        return self._shown(self.backends.show(self._key(name)))

    def require_named(self, name: str) -> None:
        """Do nothing, if there is a database of that name beside the main one.

        Raises:
            UnknownDatabaseError: There is none.
        """
        if name not in self._names:
            raise UnknownDatabaseError(name=name, known=self._names)

    def show_database(self) -> None:
        """The test wants to know its database, to which others may connect then."""
        self.router.sandbox.show_database()

    def worker_url(self) -> str:
        """Return the URL of the worker's database, for an asynchronous driver if there is one."""
        return self.url(self._shown(self.backends.of_worker(self._key(""))))

    def url(self, destination: Destination) -> str:
        """Return the URL of a database, likewise."""
        backend = self.backends.of(destination.key)
        name = backend.kind.asynchronous_drivername(backend.database().driver)
        return destination.url(name)

    def _shown(self, destination: Destination) -> Destination:
        """Know a database again, when an engine comes by its URL."""
        self.addresses.learn(destination.database, name_of(destination.key))
        return destination

    def _key(self, name: str) -> str:
        """Return the key that is meant where no engine says so."""
        asked = (one.key for one in self.backends.all if name_of(one.key) == name)
        return next(asked, "") or key_of(likely_dialect(self._plan(name)), name)

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
