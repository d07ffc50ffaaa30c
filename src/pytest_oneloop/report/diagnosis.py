"""Watching what runs on which event loop, and the section that explains a failure of loops."""

from __future__ import annotations

import inspect
import sys
from types import MethodType
from typing import TYPE_CHECKING, Any, Final

from pytest_oneloop.loops.diagnosis import Around, diagnose
from pytest_oneloop.loops.evidence import place_of
from pytest_oneloop.loops.loopmap import Crossing, Place
from pytest_oneloop.loops.scopes import (
    fixture_scope,
    runner_of,
    sets_fixture_scope,
    test_scope,
)
from pytest_oneloop.loops.tracing import Watch, traced

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from pytest_oneloop.loops.diagnosis import Diagnosis
    from pytest_oneloop.loops.record import LoopRecord
    from pytest_oneloop.loops.scopes import LoopScopes, NamedScope
    from pytest_oneloop.loops.tracks import Origin

TITLE: Final = "oneloop: what crossed"
"""The heading of the section."""


Replaced = tuple[object, str, object]
"""What was replaced: an object, the name of its attribute, and the value that was there."""


class _TestOrigin:
    """A test."""

    __slots__ = ("_item", "_scopes")
    kind = "test"
    scope = "function"

    def __init__(self, item: pytest.Item, scopes: LoopScopes | None) -> None:
        self._item = item
        self._scopes = scopes

    @property
    def name(self) -> str:
        return self._item.nodeid

    def find_place(self) -> Place | None:
        return _place_of_test(self._item)

    def find_loop_scope(self) -> NamedScope | None:
        return test_scope(self._item, self._scopes)


class _FixtureOrigin:
    """A fixture."""

    __slots__ = ("_config", "_function", "_mode", "name", "scope")
    kind = "fixture"

    def __init__(
        self, fixturedef: pytest.FixtureDef[Any], config: pytest.Config, mode: str | None
    ) -> None:
        self._config = config
        self._mode = mode
        self._function = fixturedef.func
        self.name = fixturedef.argname
        self.scope: str = fixturedef.scope

    def find_place(self) -> Place | None:
        return place_of_function(self._function, self._config.rootpath)

    def find_loop_scope(self) -> NamedScope | None:
        if self._mode is None:
            return None
        auto = self._mode == "auto"
        return fixture_scope(self._function, self.scope, self._config.getini, auto=auto)


class Explainer:
    """What a run watches, and what it tells of a failure.

    A function is wrapped once, when it is first seen; after that, a test or a fixture costs a few
    microseconds.

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
        self._tests: dict[object, tuple[Watch, Callable[..., Any]] | None] = {}
        self._fixtures: dict[object, tuple[Watch, Callable[..., Any] | None]] = {}
        self._latest: dict[str, Watch] = {}

    # -- watching --------------------------------------------------------------------------------

    def watch_test(self, item: pytest.Item) -> Replaced | None:
        """Let a test note its loop as it begins.

        Returns:
            What has to be put back when the test has run; `None` if nothing was replaced.
        """
        function: Any = getattr(item, "obj", None)
        inner = getattr(function, "__func__", function)
        if not inspect.isfunction(inner):
            return None
        if inner not in self._tests:
            self._tests[inner] = self._watched(_body(inner), _TestOrigin(item, self._scopes))
        known = self._tests[inner]
        if known is None:
            return None
        watch, replacement = known
        watch.expect(_TestOrigin(item, self._scopes), item.nodeid)
        hypothesis = getattr(inner, "hypothesis", None)
        if hypothesis is not None:
            return _replace(hypothesis, "inner_test", replacement)
        if inner is not function:
            replacement = MethodType(replacement, function.__self__)
            if _is_of_unittest(function.__self__):
                return _replace(function.__self__, item.name, replacement)
        return _replace(item, "obj", replacement)

    def watch_fixture(self, fixturedef: pytest.FixtureDef[Any], test: str) -> Replaced | None:
        """Let a fixture note its loop as it begins.

        `FixtureDef.func` is not documented, but pytest-asyncio and anyio replace it in the same
        hook: it is how an asynchronous fixture is run at all. There is no other way to run code on
        the fixture's loop.

        Args:
            fixturedef: The fixture.
            test: The node id of the test that runs.

        Returns:
            What has to be put back when it is set up; `None` if nothing was replaced.
        """
        function: Any = fixturedef.func
        known = self._fixtures.get(fixturedef)
        if known is None:
            origin = _FixtureOrigin(fixturedef, self._config, self._mode)
            inner = getattr(function, "__func__", function)
            watch, replacement = self._watched(inner, origin) or (Watch(self.record, origin), None)
            if replacement is not None and inner is not function:
                # pytest binds it to another instance, as it does with the original.
                replacement = MethodType(replacement, function.__self__)
            known = self._fixtures[fixturedef] = (watch, replacement)
        watch, replacement = known
        self._latest[watch.origin.name] = watch
        if replacement is None:
            return None
        watch.expect(watch.origin, test)
        return _replace(fixturedef, "func", replacement)

    def _watched(self, function: Any, origin: Origin) -> tuple[Watch, Callable[..., Any]] | None:
        watch = Watch(self.record, origin)
        replacement = traced(function, watch)
        return None if replacement is None else (watch, replacement)

    # -- telling ---------------------------------------------------------------------------------

    def explain(self, item: pytest.Item, error: BaseException, report: pytest.TestReport) -> None:
        """Add a section to a report, if the failure is one that event loops cause."""
        around = Around(
            test=item.nodeid,
            place=_place_of_test(item),
            runner=runner_of(item),
            rootdir=self._config.rootpath,
            values=getattr(item, "funcargs", {}),
            fixtures=self._latest,
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
        if by is None or user is None:
            return
        self.record.cross(
            Crossing(
                name=found.thing,
                made_on=made.track.key,
                made_by=by.origin.name,
                used_on=used.track.key,
                used_by=user.origin.name,
                place=used.at or user.origin.find_place(),
            )
        )


def _body(function: object) -> object:
    """Return the function that runs a test's body.

    Hypothesis calls a function of its own, which it publishes for plugins to replace.
    """
    return getattr(getattr(function, "hypothesis", None), "inner_test", function)


def _is_of_unittest(instance: object) -> bool:
    """Return whether a test's instance looks for its own method, and never calls `item.obj`."""
    # Not imported where it is not loaded: no class can be one of its own then.
    unittest = sys.modules.get("unittest")
    return unittest is not None and isinstance(instance, unittest.TestCase)


def _replace(holder: object, name: str, value: object) -> Replaced:
    before = getattr(holder, name)
    setattr(holder, name, value)
    return holder, name, before


def _asyncio_mode(config: pytest.Config) -> str | None:
    if not config.pluginmanager.hasplugin("asyncio"):
        return None
    return str(config.getoption("asyncio_mode", None) or config.getini("asyncio_mode"))


def _place_of_test(item: pytest.Item) -> Place:
    path, line, _ = item.location
    return Place(path, (line or 0) + 1)


def place_of_function(function: Callable[..., Any], rootdir: Path) -> Place | None:
    """Return where a function is written, with its decorators; `None` if it has no code."""
    inner = inspect.unwrap(getattr(function, "__func__", function))
    code = getattr(inner, "__code__", None)
    return place_of(code.co_filename, code.co_firstlineno, rootdir) if code else None
