"""The handle `oneloop`: what a test may ask the plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from pytest_oneloop.run import TestRun


class TestDatabase:
    """One of the running test's databases.

    Args:
        run: The run.
        name: As `oneloop_databases` has it; empty for the main one.
    """

    __test__ = False

    def __init__(self, run: TestRun, name: str = "") -> None:
        self._run = run
        self._name = name

    @property
    def database(self) -> str:
        """Its name on the server, or its path. The first use in a run brings it up.

        Under `auto`, a test that reads it, or the URL, gets a database of its own.
        """
        self._run.show_database()
        return self._run.destination(self._name).database

    @property
    def url(self) -> str:
        """Its URL, with the password if it has one; brings it up as well.

        It is in SQLAlchemy's form, for engines; `plain_url` is for other programs, which see
        nothing of a test under `rollback`, whose work is never committed.
        """
        self._run.show_database()
        return self._run.url(self._run.destination(self._name))

    @property
    def plain_url(self) -> str:
        """The same URL without the driver's name, as psql, libpq and asyncpg want it.

        Such as `postgresql://postgres@/oneloop_run_7f3a_main?host=/tmp/x&port=5432`.
        """
        self._run.show_database()
        found = self._run.destination(self._name)
        return found.url(found.dialect)


class Oneloop(TestDatabase):
    """What the plugin knows of the running test; its database is the main one.

    Attributes:
        strategy: How the test is isolated in this run of it: `rollback`, `commit` or `clone`.
    """

    def __init__(self, run: TestRun, app: Callable[[], Any]) -> None:
        super().__init__(run)
        self._app = app
        self.strategy = run.strategy

    def named(self, name: str) -> TestDatabase:
        """Return another database of the test, which has a template of its own.

        Args:
            name: As it is written in `oneloop_databases`.

        Raises:
            UnknownDatabaseError: No entry there has that name.
        """
        self._run.require_named(name)
        return TestDatabase(self._run, name)

    @property
    def statement_count(self) -> int:
        """How many statements this test, and the application for it, have sent so far.

        Counted are those of SQLAlchemy, savepoints included; not the plugin's own, nor those that
        went to the driver's connection directly.
        """
        return self._run.router.sandbox.statements

    def client(self, app: Any = None) -> AbstractAsyncContextManager[Any]:
        """Return an HTTP client of the application as `async with` block, its lifespan run.

        For tests that take no fixtures of their own, such as the methods of
        `unittest.IsolatedAsyncioTestCase`; others use the fixture `client`.

        Args:
            app: An ASGI application; the fixture `oneloop_app` if left out.

        Raises:
            NotAnApplicationError: It is none.
        """
        return self._run.client(self._app() if app is None else app)
