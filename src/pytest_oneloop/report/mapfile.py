"""The page that `pytest --oneloop-map` writes: the loop map of a real run."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_oneloop.errors import UsageError
from pytest_oneloop.errors.loopmap import PageNameError, PageNotWritableError
from pytest_oneloop.errors.project import NotWritableError
from pytest_oneloop.loops.record import merged, to_json

if TYPE_CHECKING:
    from pytest_oneloop.loops.record import LoopRecord

_KEY = "oneloop_map"
"""What a worker hands its record over by."""


def add_map(config: pytest.Config, page: str, record: LoopRecord) -> None:
    """Let a run draw its map.

    Args:
        config: pytest's.
        page: As it was named, from the folder in which pytest was called.
        record: Keeps all that runs in this process.

    Raises:
        pytest.UsageError: The page cannot be written. Workers of xdist leave that to their
            controller, which has found out before it starts them.
    """
    path = config.invocation_params.dir / Path(page).expanduser()
    if not hasattr(config, "workerinput"):
        try:
            check_page(path)
        except UsageError as error:
            raise pytest.UsageError(error.line) from None
    config.pluginmanager.register(MapFile(path, record, config.rootpath.name))


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


class MapFile:
    """A plugin of pytest that draws what ran on which loop, when all has run.

    Args:
        path: The page, which is replaced in one step; a worker of xdist writes none.
        record: Keeps all that runs in this process.
        title: The map's.
    """

    def __init__(self, path: Path, record: LoopRecord, title: str) -> None:
        self._path = path
        self._title = title
        self._record = record
        self._others: list[dict[str, Any]] = []
        self._failure: PageNotWritableError | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take the record of a worker; one that crashed hands over none."""
        data = getattr(node, "workeroutput", {}).get(_KEY)
        if data:
            self._others.append(data)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the page, or hand the record to who writes it."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[_KEY] = to_json(self._record)
            return
        try:
            self._write()
        except PageNotWritableError as failure:
            self._failure = failure
            # A run that was asked for a page and made none is no success, whatever its tests say.
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def _write(self) -> None:
        from pytest_oneloop.maps.page import render  # noqa: PLC0415 - heavy, and at the end only
        from pytest_oneloop.project.writing import write_whole  # noqa: PLC0415

        page = render(merged(self._title, [to_json(self._record), *self._others]))
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


def _problem(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
