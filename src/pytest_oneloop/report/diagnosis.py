"""Watching what runs on which event loop, and the section that explains a failure of loops."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from pytest_oneloop.loops.diagnosis import Around, diagnose
from pytest_oneloop.loops.evidence import place_of
from pytest_oneloop.loops.loopmap import Crossing, Place
from pytest_oneloop.loops.record import LoopRecord, Ran
from pytest_oneloop.loops.scopes import (
    fixture_scope,
    runner_of,
    sets_fixture_scope,
    test_scope,
)
from pytest_oneloop.loops.tracing import traced

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from pytest_oneloop.loops.diagnosis import Diagnosis
    from pytest_oneloop.loops.scopes import LoopScopes, NamedScope

TITLE: Final = "oneloop: what crossed"
"""The heading of the section."""


class Explainer:
    """What a run watches, and what it tells of a failure.

    Args:
        record: Gets what runs on which loop.
        config: pytest's.
        scopes: The loop scopes that hold.
        sections: Whether failures are explained; otherwise they are watched for a map alone.
    """

    def __init__(
        self,
        record: LoopRecord,
        config: pytest.Config,
        scopes: LoopScopes | None,
        *,
        sections: bool,
    ) -> None:
        self.record = record
        self._config = config
        self._scopes = scopes
        self._sections = sections
        self._mode = _asyncio_mode(config)

    # -- watching --------------------------------------------------------------------------------

    def watch_test(self, item: pytest.Item) -> Callable[[], None] | None:
        """Let a test note its loop as it begins.

        Returns:
            What undoes it, to be called when the test has run; `None` if there is nothing to undo.
        """
        holder, name = _body(item)
        function = getattr(holder, name, None)
        if function is None:
            return None
        ran = Ran(
            "test",
            item.nodeid,
            "function",
            item.nodeid,
            lambda: _place_of_test(item),
            lambda: test_scope(item, self._scopes),
        )
        watched = traced(function, ran, self.record)
        if watched is function:
            return None
        setattr(holder, name, watched)
        return lambda: setattr(holder, name, function)

    def watch_fixture(
        self, fixturedef: pytest.FixtureDef[Any], test: str
    ) -> Callable[[], None] | None:
        """Let a fixture note its loop as it begins.

        Args:
            fixturedef: The fixture.
            test: The node id of the test that runs.

        Returns:
            What undoes it, to be called when it is set up; `None` if there is nothing to undo.
        """
        function = fixturedef.func
        ran = Ran(
            "fixture",
            fixturedef.argname,
            fixturedef.scope,
            test,
            lambda: _place_of(function, self._config.rootpath),
            lambda: self._fixture_scope(function, fixturedef.scope),
        )
        self.record.fixtures[ran.name] = ran
        watched = traced(function, ran, self.record)
        if watched is function:
            return None
        return _replaced(fixturedef, watched)

    def _fixture_scope(self, function: object, scope: str) -> NamedScope | None:
        if self._mode is None:
            return None
        return fixture_scope(function, scope, self._config.getini, auto=self._mode == "auto")

    # -- telling ---------------------------------------------------------------------------------

    def explain(self, item: pytest.Item, error: BaseException, report: pytest.TestReport) -> None:
        """Add a section to a report, if the failure is one that event loops cause."""
        around = Around(
            test=item.nodeid,
            place=_place_of_test(item),
            runner=runner_of(item),
            rootdir=self._config.rootpath,
            values=getattr(item, "funcargs", {}),
            ini_name=self._config.inipath.name if self._config.inipath else "pytest.ini",
            asyncio_mode=self._mode,
            fixture_scope_is_set=self._mode is not None and sets_fixture_scope(self._config.getini),
        )
        found = diagnose(error, self.record, around)
        if found is None:
            return
        self._note(found)
        if self._sections:
            report.sections.append((TITLE, str(found)))

    def _note(self, found: Diagnosis) -> None:
        """Note a crossing for the map, whose two sides are known."""
        made, used = found.made, found.used
        if not (made and used and made.track and used.track):
            return
        by = made.ran or made.track.first
        user = used.ran or used.track.first
        self.record.cross(
            Crossing(
                name=found.thing,
                made_on=made.track.key,
                made_by=by.name,
                used_on=used.track.key,
                used_by=user.name,
                place=used.at or user.find_place(),
            )
        )


def _body(item: pytest.Item) -> tuple[object, str]:
    """Return what holds the function that runs a test's body, and under which name.

    pytest and its plugins call `item.obj`, but the test case of unittest looks for its own method,
    and Hypothesis calls a function of its own, which it publishes for plugins to replace.
    """
    if runner_of(item) == "unittest":
        return getattr(item, "instance", None), item.name
    hypothesis = getattr(getattr(item, "obj", None), "hypothesis", None)
    if hypothesis is not None:
        return hypothesis, "inner_test"
    return item, "obj"


def _replaced(
    fixturedef: pytest.FixtureDef[Any], function: Callable[..., Any]
) -> Callable[[], None]:
    """Give a fixture another function, and return what puts the old one back.

    `func` is not documented, but pytest-asyncio and anyio replace it in the same hook: it is how
    an asynchronous fixture is run at all. There is no other way to run code on the fixture's loop.
    """
    before = fixturedef.func
    fixturedef.func = function  # type: ignore[misc]

    def undo() -> None:
        fixturedef.func = before  # type: ignore[misc]

    return undo


def _asyncio_mode(config: pytest.Config) -> str | None:
    if not config.pluginmanager.hasplugin("asyncio"):
        return None
    return str(config.getoption("asyncio_mode", None) or config.getini("asyncio_mode"))


def _place_of_test(item: pytest.Item) -> Place:
    path, line, _ = item.location
    return Place(path, (line or 0) + 1)


def _place_of(function: Callable[..., Any], rootdir: Path) -> Place | None:
    inner = inspect.unwrap(getattr(function, "__func__", function))
    code = getattr(inner, "__code__", None)
    return place_of(code.co_filename, code.co_firstlineno, rootdir) if code else None
