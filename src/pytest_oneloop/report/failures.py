"""Failures in the plugin's own words."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pytest_oneloop.errors import OneloopError, SetupError
from pytest_oneloop.errors.sandbox import SandboxError
from pytest_oneloop.errors.strategies import LeftOpenWarning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_oneloop.isolation import Ending

_SHOWN: pytest.StashKey[dict[str, str]] = pytest.StashKey()
"""The texts that the run has shown, and the test that each was shown for, in `config.stash`."""

_CAUGHT: Final = "  Shown only now: the application, or SQLAlchemy, has caught this error."


def show_failure(
    item: pytest.Item,
    error: BaseException,
    report: pytest.TestReport,
    seen: list[BaseException],
) -> None:
    """Note what a failure shows; show an error of set-up or configuration as its text alone, once.

    An error that no test with a database can get past stops the run.

    Args:
        item: The test.
        error: What was raised.
        report: pytest's report of it, which may be changed.
        seen: Gets the error, and all that led to it.
    """
    chain = list(_chain(error))
    seen += chain
    for cause in chain:
        if isinstance(cause, SetupError):
            report.longrepr = str(cause)
            item.session.shouldfail = f"{cause.code}: no test that needs a database can run"
            return
    if isinstance(error, SandboxError) and _CAUGHT in getattr(error, "__notes__", ()):
        report.longrepr = f"{error}\n{_CAUGHT}"
    elif isinstance(error, SandboxError):
        _show_project_alone(item, error, report)
    elif isinstance(error, OneloopError):
        shown = item.config.stash.setdefault(_SHOWN, {})
        text = str(error)
        # A test that is run again may fail in the same way: then nobody has seen the first time.
        first = shown.setdefault(text, item.nodeid) == item.nodeid
        report.longrepr = text if first else f"{error.code}: the same as above"


def raise_unseen(problems: Sequence[OneloopError], seen: list[BaseException]) -> None:
    """Raise the first error of the sandbox that no failure of the test has shown.

    The application has caught it, or SQLAlchemy has, while it gave a connection back. After a
    failure by such an error there is nothing to add: others follow from it.
    """
    if any(isinstance(error, SandboxError) for error in seen):
        return
    for problem in problems:
        if problem not in seen:
            problem.add_note(_CAUGHT)
            raise problem.with_traceback(None)


def warn_of_left_open(item: pytest.Item, ending: Ending) -> None:
    """Warn if a test on a real database has not given back what it took there."""
    if ending.left_open or ending.in_the_way or ending.prepared:
        item.warn(
            LeftOpenWarning(
                test=item.nodeid,
                places=[str(place) for place in ending.left_open],
                sessions=ending.in_the_way,
                prepared=ending.prepared,
            )
        )


def _show_project_alone(item: pytest.Item, error: SandboxError, report: pytest.TestReport) -> None:
    """Show, of the way to the error, the lines of the project alone.

    What lies between is SQLAlchemy, which did what it was told. Who asks for a style of traceback
    (`--tb`, `--full-trace`) gets the whole of it.
    """
    if item.config.getoption("tbstyle") != "auto" or item.config.getoption("fulltrace"):
        return
    report.longrepr = pytest.ExceptionInfo.from_exception(error).getrepr(
        style="short",
        chain=False,
        tbfilter=lambda raised: raised.traceback.filter(
            lambda entry: _is_of_project(Path(entry.path))
        ),
    )


def _is_of_project(file: Path) -> bool:
    if {"site-packages", "dist-packages"}.intersection(file.parts):
        return False
    foreign = (Path(sysconfig.get_path("stdlib")), Path(__file__).parents[1])
    return not any(file.is_relative_to(folder) for folder in foreign)


def _chain(
    error: BaseException | None, known: frozenset[int] = frozenset()
) -> Iterator[BaseException]:
    """Yield an error and all that are linked to it, each once."""
    if error is None or id(error) in known:
        return
    known |= {id(error)}
    yield error
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for linked in (error.__cause__, error.__context__, getattr(error, "orig", None), *inner):
        if isinstance(linked, BaseException):
            yield from _chain(linked, known)
