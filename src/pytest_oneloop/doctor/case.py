"""One suite under examination: the facts that rules ask for, each found once."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from pytest_oneloop.doctor import kinds
from pytest_oneloop.doctor.application import Application
from pytest_oneloop.doctor.reading import Facts, Reading
from pytest_oneloop.doctor.sources import Function, Sources
from pytest_oneloop.doctor.suite import SCOPES, width

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.doctor.kinds import Value
    from pytest_oneloop.doctor.sources import Module
    from pytest_oneloop.doctor.suite import Closure, Fixture, Group, Suite, Test

_REQUEST = re.compile(r"\.(get|head|options|request|stream|send)\(|[Ll]ifespan")
_WRITING = re.compile(r"\.(post|put|patch|delete|request|stream|send|websocket_connect)\(")
_COMMIT = re.compile(r"\.commit\(")
_COMMIT_OR_BEGIN = re.compile(r"\.commit\(|\.begin\(\)")

# A test's body is read only if one of these words, or a name that holds an engine, is in its file.
_WORDS = ("TestClient(", "ASGITransport(", "AsyncClient(")


@dataclass
class Case:
    """A suite, and the reading of its code.

    Args:
        suite: As it was collected.
    """

    suite: Suite
    reading: Reading = field(init=False)
    _tells: dict[str, bool] = field(default_factory=dict)
    _grounded: dict[tuple[int, int], Value | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reading = Reading(Sources(self.suite))

    @cached_property
    def test_files(self) -> frozenset[str]:
        """The files that hold tests or fixtures, as the suite names them."""
        own = {one.place.path for one in self.suite.fixtures if one.own}
        return frozenset(own | {group.path for group in self.suite.groups})

    @cached_property
    def reached(self) -> list[Module]:
        """All of the project that tests and fixtures reach by imports."""
        return self.reading.sources.reached()

    @cached_property
    def application(self) -> Application:
        """What is reached and is not part of the tests."""
        parts = [
            module
            for module in self.reached
            if module.shown not in self.test_files and module.path.name != "conftest.py"
        ]
        return Application(self.reading, parts)

    def commits(self, group: Group) -> bool:
        """Tell whether anything that tests run commits, as far as the text shows."""
        own = self.own(group)
        files = {group.path, *(one.place.path for one in own)}
        modules = [self.reading.sources.at(path) for path in sorted(files)]
        if any(_COMMIT.search(module.text) for module in modules):
            return True
        if any(_COMMIT_OR_BEGIN.search(self._text_of(test)) for test in group.tests):
            return True
        if self._calls_the_application(modules, own):
            return self.application.commits(writing=True)
        facts = [*map(self.facts, own), *map(self.test_facts, group.tests)]
        if not any(one.drives or one.test_clients for one in facts):
            return False
        return self.application.commits(
            writing=any(_WRITING.search(module.text) for module in modules)
        )

    def sends(self, fixture: Fixture) -> bool:
        """Tell whether a fixture calls the application by itself, or runs its lifespan."""
        found = self.reading.function(fixture.place) if fixture.own else None
        text = ast.unparse(found[0]) if found else ""
        return bool(_WRITING.search(text) or _REQUEST.search(text))

    def _text_of(self, test: Test) -> str:
        if ".begin()" not in self.reading.sources.at(test.place.path).text:
            return ""
        found = self.reading.function(test.place)
        return ast.unparse(found[0]) if found else ""

    def _calls_the_application(self, modules: list[Module], own: list[Fixture]) -> bool:
        """Tell whether tests import functions of the application, or classes with methods."""
        inside = set(self.application.modules)
        overridden = {one.node for fixture in own for one in self.facts(fixture).overrides}
        for module in modules:
            for name in module.imports:
                named = self.reading.sources.resolve(module, name)
                if named.module in inside and named.node not in overridden:
                    if named.node is None or isinstance(named.node, Function):
                        return True
                    if isinstance(named.node, ast.ClassDef) and any(
                        isinstance(one, Function) for one in named.node.body
                    ):
                        return True
        return False

    def own(self, group: Group) -> list[Fixture]:
        """Return the project's own fixtures that a group of tests needs."""
        return [one for one in group.closure if one.own]

    def facts(self, fixture: Fixture) -> Facts:
        """Return what a fixture does."""
        return self.reading.fixture(fixture)

    def test_facts(self, test: Test) -> Facts:
        """Return what a test's body does; nothing where its file has none of the telling words."""
        path = test.place.path
        if path not in self._tells:
            text = self.reading.sources.at(path).text
            self._tells[path] = any(word in text for word in self._telling)
        if not self._tells[path]:
            return Facts()
        found = self.reading.function(test.place)
        return self.reading.facts(*found) if found else Facts()

    def loop_scope(self, fixture: Fixture, group: Group) -> str | None:
        """Return the scope of the loop that a fixture runs on; `None` for one that needs none."""
        if not fixture.is_async:
            return None
        if group.runner == "anyio":
            return group.loop_scope
        return self.named_scope(fixture) or self.suite.fixture_loop_scope or fixture.scope

    def named_scope(self, fixture: Fixture) -> str | None:
        """Return the loop scope that a fixture's own decorator names."""
        found = self.reading.function(fixture.place) if fixture.own else None
        for decorator in found[0].decorator_list if found else ():
            for word in decorator.keywords if isinstance(decorator, ast.Call) else ():
                if word.arg == "loop_scope" and isinstance(word.value, ast.Constant):
                    scope = word.value.value
                    return scope if scope in SCOPES else None
        return None

    def given(self, fixture: Fixture, closure: Closure) -> Value | None:
        """Return what a fixture hands out, followed through the fixtures that it is made from."""
        key = (fixture.index, id(closure))
        if key not in self._grounded:
            self._grounded[key] = None  # for one that asks for itself
            value = self.reading.given(fixture)
            self._grounded[key] = self.grounded(value, fixture, closure)
        return self._grounded[key]

    def grounded(self, value: Value | None, fixture: Fixture, closure: Closure) -> Value | None:
        """Return a value of a fixture's code, with what other fixtures gave to it filled in."""
        if value is None:
            return None
        if value.kind == kinds.FIXTURE:
            asked = [one for one in closure.needs(fixture) if one.name == value.label]
            return self.given(asked[0], closure) if asked else None
        if value.base is None:
            return value
        base = self.grounded(value.base, fixture, closure)
        if base is None:
            return replace(value, base=None)
        kind = value.kind
        if value.opened:
            kind = kinds.METHODS.get((base.kind, value.opened), kind)
        return kinds.on(replace(value, kind=kind), base)

    def sources_of(self, group: Group, user: Fixture | None) -> Iterator[Fixture]:
        """Yield the fixtures whose value a user gets: its own, and those of synchronous ones.

        Args:
            group: The tests.
            user: The fixture that asks; `None` for the tests themselves.
        """
        closure = group.closure
        asked = [closure.named(name) for name in group.asked]
        waiting = [one for one in asked if one] if user is None else list(closure.needs(user))
        seen: set[int] = set()
        while waiting:
            fixture = waiting.pop(0)
            if fixture.index in seen or not fixture.own:
                continue
            seen.add(fixture.index)
            yield fixture
            if not fixture.is_async:
                waiting += closure.needs(fixture)

    def per_test(self, group: Group) -> list[Fixture]:
        """Return the project's own fixtures that are set up for each test of a group."""
        return [one for one in self.own(group) if width(one.scope) == 0]

    def in_order(self, group: Group) -> list[Fixture]:
        """Return the fixtures nearly as pytest sets them up: what others ask for comes first."""
        ordered: dict[int, Fixture] = {}

        def add(fixture: Fixture) -> None:
            if fixture.own and fixture.index not in ordered:
                for one in group.closure.needs(fixture):
                    add(one)
                ordered[fixture.index] = fixture

        for fixture in sorted(self.own(group), key=lambda one: -width(one.scope)):
            add(fixture)
        return list(ordered.values())

    @cached_property
    def _telling(self) -> tuple[str, ...]:
        return (*_WORDS, *sorted(self.application.names))
