"""Runs the set-ups on an embedded PostgreSQL of their own, and measures what each one does."""

from __future__ import annotations

import re
import shutil
import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from pytest_oneloop.databases.binaries import find_binaries
from pytest_oneloop.databases.embedded import start_server
from pytest_oneloop.databases.postgresql import Admin, administer, quote_name
from pytest_oneloop.databases.seeds import SeedCache
from pytest_oneloop.databases.urls import connect_url
from pytest_oneloop.demo.folders import demonstration_folders
from pytest_oneloop.demo.measurement import Measurement, telling
from pytest_oneloop.demo.process import Outcome, RunFailedError, run_pytest
from pytest_oneloop.demo.proxy import CountingProxy
from pytest_oneloop.demo.setups import FILES, RUBBISH
from pytest_oneloop.demo.traffic import Traffic
from pytest_oneloop.errors.demo import SetUpRunError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from pytest_oneloop.databases.embedded import EmbeddedServer
    from pytest_oneloop.demo.setups import SetUp
    from pytest_oneloop.demo.wire import Heard

# What the application's models say. A set-up that makes its tables finds them there, and goes on.
_TABLE = "CREATE TABLE users (id serial PRIMARY KEY, email varchar NOT NULL UNIQUE)"
# The plugin's own name for the database of a run.
_WITH_PLUGIN = "oneloop_run_"
_COUNT = "SELECT count(*) FROM users"


class RowsFound:
    """Asks, before a test's first statement about the users, how many of them the test finds.

    Asked on the test's own connection, in its own transaction: what the test would see.

    Attributes:
        most: The most rows that any test found.
    """

    sql = _COUNT
    _about_users = re.compile(r'\b(from|into|update|copy)\s+"?users\b', re.IGNORECASE)

    def __init__(self) -> None:
        self.most = 0
        self._due = False

    def begin(self, committed: int = 0) -> None:
        """Note that a test begins, and how many rows are committed, if that is known."""
        self.most = max(self.most, committed)
        self._due = True

    def is_due(self, heard: Heard) -> bool:
        """Say whether this is the test's first statement about users."""
        if not self._due or not self._about_users.search(heard.sql):
            return False
        self._due = False
        return True

    def answer(self, value: str) -> None:
        """Take the number of rows; empty if the server refused."""
        self.most = max(self.most, int(value or 0))


class Bench:
    """A server for the set-ups; a context manager that leaves nothing behind.

    It takes some 800 ms to start. Must be used on a thread without a running event loop.

    Attributes:
        version: The server's, such as `18.6`.

    Raises:
        SetupError: There can be no server; each situation has its class.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._scratch, self._sockets = stack.enter_context(demonstration_folders())
            self._server = stack.enter_context(_server(self._scratch / "cache"))
            self.version = self._server.version
            for plugin in (False, True):
                ignored = shutil.ignore_patterns(*RUBBISH)
                shutil.copytree(FILES, self._projects(plugin=plugin), ignore=ignored)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def measure(self, setup: SetUp, *, plugin: bool) -> Measurement:
        """Run one set-up in a pytest process of its own: one to three seconds.

        Raises:
            SetUpRunError: Its tests did not run.
        """
        folder = self._projects(plugin=plugin) / setup.folder
        if plugin and not setup.unchanged:
            (folder / "conftest.py").unlink(missing_ok=True)
        rows = RowsFound()
        database = f"demo_{setup.number}_{uuid.uuid4().hex[:8]}"
        if not plugin:
            self._create(database)
        with CountingProxy(self._server.address, folder=self._sockets, question=rows) as proxy:
            here = connect_url("postgresql", proxy.address)
            environment = {"ONELOOP_CACHE_DIR": str(self._scratch / "cache")}
            if plugin:
                environment["ONELOOP_SERVER"] = here.render_as_string(hide_password=False)
            else:
                url = connect_url("postgresql+asyncpg", proxy.address, database)
                environment["APP_DATABASE_URL"] = url.render_as_string(hide_password=False)
            try:
                outcome = run_pytest(
                    folder,
                    plugin=plugin,
                    environment=environment,
                    begins=rows.begin if plugin else lambda: rows.begin(self._committed(database)),
                )
            except RunFailedError as error:
                raise SetUpRunError(
                    setup.number, plugin=plugin, reason=error.reason, output=error.output
                ) from error
            log = proxy.log()
        return _measurement(setup, outcome, log, rows, plugin=plugin)

    def _projects(self, *, plugin: bool) -> Path:
        return self._scratch / ("with" if plugin else "without")

    def _create(self, database: str) -> None:
        address = self._server.address
        administer(address, lambda admin: admin.execute(f"CREATE DATABASE {quote_name(database)}"))
        administer(address, lambda admin: admin.execute(_TABLE), database=database)

    def _committed(self, database: str) -> int:
        """Count the users that any connection would see, for tests that fail before they ask."""
        return administer(self._server.address, _count_users, database=database)


def _count_users(admin: Admin) -> int:
    [(table,)] = admin.rows("SELECT to_regclass('users')::text")
    if table is None:
        return 0
    [(count,)] = admin.rows(_COUNT)
    return int(str(count))


def _measurement(
    setup: SetUp, outcome: Outcome, log: list[Heard], rows: RowsFound, *, plugin: bool
) -> Measurement:
    # Without the plugin, whatever is said is said to the one database; it is not always named yet.
    of_tests = Traffic.of(
        [heard for heard in log if not plugin or heard.database.startswith(_WITH_PLUGIN)]
    )
    all_of_it = Traffic.of(log)
    passed = sum(outcome.tests.values())
    return Measurement(
        number=setup.number,
        plugin=plugin,
        passed=passed,
        failed=len(outcome.tests) - passed,
        error=telling(outcome.raised),
        assertion=next((error.text for error in outcome.raised if error.is_assertion), None),
        seconds=outcome.seconds,
        connections=of_tests.connections,
        ddl_statements=len(of_tests.definitions),
        leaked_rows=rows.most,
        other_connections=all_of_it.connections - of_tests.connections,
        other_ddl_statements=len(all_of_it.definitions) - len(of_tests.definitions),
    )


def _server(cache: Path) -> EmbeddedServer:
    """Start a server from a seed of its own, so that no cache stays behind."""
    binaries = find_binaries()
    seed = SeedCache(cache, binaries).base()
    return start_server(binaries, seed, run_id=uuid.uuid4().hex)
