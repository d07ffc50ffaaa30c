"""The page that `pytest --oneloop-map` writes: the loop map of a real run."""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_oneloop.errors import UsageError
from pytest_oneloop.errors.loopmap import (
    PageNameError,
    PageNotWritableError,
    PageTakenForProjectError,
)
from pytest_oneloop.errors.project import NotWritableError
from pytest_oneloop.loops.loopmap import NO_LOOP, Resident
from pytest_oneloop.loops.record import merged, to_json
from pytest_oneloop.options import MAP_FLAG
from pytest_oneloop.report.diagnosis import place_of_function
from pytest_oneloop.report.outcomes import Outcomes

if TYPE_CHECKING:
    from collections.abc import Generator

    from pytest_oneloop.loops.record import LoopRecord
    from pytest_oneloop.sandbox.router import Router

_CLIENT = re.compile(r"^_oneloop_client_\w+$")
"""The fixtures behind `client`, one for each runner and loop scope."""

_KEY = "oneloop_map"
"""What a worker hands its record over by."""


def add_map(config: pytest.Config, page: str, record: LoopRecord, router: Router) -> None:
    """Let a run draw its map.

    Args:
        config: pytest's.
        page: As it was named, from the folder in which pytest was called.
        record: Keeps all that runs in this process.
        router: Knows the connections of this process.

    Raises:
        pytest.UsageError: The page cannot be written. Workers of xdist leave that to their
            controller, which has found out before it starts them.
    """
    path = config.invocation_params.dir / Path(page).expanduser()
    if not hasattr(config, "workerinput"):
        try:
            check_page(path)
            _check_arguments(path, config.invocation_params)
        except UsageError as error:
            raise pytest.UsageError(error.line) from None
    config.pluginmanager.register(MapFile(path, record, router, config.rootpath.name))


def check_page(path: Path) -> None:
    """Find out whether a page can be written, without leaving anything behind.

    Raises:
        PageNameError: It does not look like a page; it may be a test's file.
        PageNotWritableError: It cannot be written.
    """
    if path.is_dir():
        raise PageNotWritableError(path=path, problem="it is a folder")
    if path.suffix not in {".html", ".htm"}:
        raise PageNameError(path=path)
    if not path.parent.is_dir():
        raise PageNotWritableError(path=path, problem=f"there is no folder {path.parent}")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise PageNotWritableError(path=path, problem=_problem(error)) from error
    if path.exists() and not os.access(path, os.W_OK):
        raise PageNotWritableError(path=path, problem="permission denied")


def _check_arguments(path: Path, invocation: pytest.Config.InvocationParams) -> None:
    arguments = [*invocation.args, *shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))]
    outside = not path.resolve().is_relative_to(invocation.dir)
    if MAP_FLAG in arguments and path.exists() and outside:
        raise PageTakenForProjectError(path=path)


class MapFile:
    """A plugin of pytest that draws what ran on which loop, when all has run.

    Args:
        path: The page, which is replaced in one step; a worker of xdist writes none.
        record: Keeps all that runs in this process.
        router: Knows the connections of this process.
        title: The map's.
    """

    def __init__(self, path: Path, record: LoopRecord, router: Router, title: str) -> None:
        self._path = path
        self._title = title
        self._record = record
        self._router = router
        self._residents: dict[tuple[str, str], Resident] = {}
        self._others: list[dict[str, Any]] = []
        self._outcomes = Outcomes(record.clock)
        self._failure: PageNotWritableError | None = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """Note the connections that a fixture has opened, and whether it has failed."""
        name, began = _public(fixturedef.argname), self._outcomes.clock()
        try:
            return (yield)
        except Exception:  # what ends a test or a run is none
            place = place_of_function(fixturedef.func, request.config.rootpath)
            self._outcomes.note_failed_fixture(name, fixturedef.scope, place, began)
            raise
        finally:
            self._note_connections(name)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note how a test went."""
        report = yield
        self._outcomes.note_test(report)
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Note the connections that a test has opened, while its own loop is open still."""
        try:
            return (yield)
        finally:
            self._note_connections(item.nodeid)

    def _note_connections(self, step: str) -> None:
        for name, loop in self._router.living():
            track = self._record.track_of(loop)
            if track is not None:
                resident = Resident(f"connection ({name})", track.key, step)
                self._residents.setdefault((track.key, name), resident)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take the record of a worker; one that crashed hands over none."""
        data = getattr(node, "workeroutput", {}).get(_KEY)
        if data:
            for lane in data["lanes"]:
                if lane["key"] != NO_LOOP:
                    lane["name"] = f"{node.gateway.id}: {lane['name']}"
            self._others.append(data)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the page, or hand the record to who writes it."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[_KEY] = self._data()
            return
        try:
            self._write()
        except PageNotWritableError as failure:
            self._failure = failure
            # A run that was asked for a page and made none is no success, whatever its tests say.
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def _data(self) -> dict[str, Any]:
        data = to_json(self._record)
        seen = [asdict(resident) for resident in self._residents.values()]
        data["residents"] = [*data["residents"], *seen]
        for thing in (*data["residents"], *data["crossings"]):
            thing["name"] = thing["name"].replace("`", "")  # which marks names in plain text
        for step in data["steps"]:
            step["name"] = _public(step["name"])
        self._outcomes.complete(data)
        return data

    def _write(self) -> None:
        from pytest_oneloop.maps.page import render  # noqa: PLC0415 - heavy, and at the end only
        from pytest_oneloop.project.writing import write_whole  # noqa: PLC0415

        page = render(merged(self._title, [self._data(), *self._others]))
        try:
            write_whole(self._path, page.encode())
        except NotWritableError as error:
            raise PageNotWritableError(path=self._path, problem=error.problem) from error

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where the page is, or why there is none."""
        if self._failure is not None:
            terminalreporter.write_line(self._failure.line, red=True)
        else:
            terminalreporter.write_line(f"oneloop: the loop map is in {self._path}")


def _public(fixture: str) -> str:
    """Return the name by which a fixture is asked for."""
    return _CLIENT.sub("client", fixture)


def _problem(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
