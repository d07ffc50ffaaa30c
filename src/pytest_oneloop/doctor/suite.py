"""The suite, as pytest collected it: fixtures, tests, and who asks for what."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_oneloop.loops.loopmap import Place
from pytest_oneloop.loops.scopes import FIXTURE_SCOPE, TEST_SCOPE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SCOPES = ("function", "class", "module", "package", "session")
"""Scopes of fixtures and of loops, the narrowest first."""

PLUGIN_FIXTURES = frozenset(
    {"client", "db_session", "db_engine", "oneloop", "oneloop_app", "oneloop_database_url"}
)
"""What the plugin gives. A test that asks for one of them, with no definition, relies on it."""


def width(scope: str) -> int:
    """Return how wide a scope is: 0 for `function`, 4 for `session`."""
    return SCOPES.index(scope)


@dataclass(frozen=True, slots=True)
class Fixture:
    """One definition of a fixture.

    Attributes:
        index: Its number in the suite.
        name: What tests ask for.
        scope: How long its value lives.
        place: Its first line, which is that of its decorator.
        asks: The fixtures that it needs itself.
        is_async: It is a coroutine function, or an asynchronous generator.
        awaited: pytest-asyncio, or another plugin than anyio's, runs it if it is one.
        own: It lies in the project, not in something installed.
    """

    index: int
    name: str
    scope: str
    place: Place
    asks: tuple[str, ...]
    is_async: bool
    own: bool
    awaited: bool = True


@dataclass(frozen=True, slots=True)
class Test:
    """One collected test.

    Attributes:
        id: Its node id.
        place: Its first line.
        marked_by: The nodes whose marker names a loop scope, closest first.
    """

    id: str
    place: Place
    marked_by: tuple[str, ...]


@dataclass(frozen=True)
class Closure:
    """All fixtures that a test needs, by name; of each name the definition that counts last."""

    chains: Mapping[str, tuple[Fixture, ...]]

    def __iter__(self) -> Iterator[Fixture]:
        """Yield each definition that is used."""
        for chain in self.chains.values():
            yield from chain

    def needs(self, fixture: Fixture) -> Iterator[Fixture]:
        """Yield the definitions that a fixture asks for itself."""
        for name in fixture.asks:
            chain = self.chains.get(name, ())
            if name == fixture.name and fixture in chain:
                # One that asks for its own name is given the definition that it overrides.
                yield from chain[: chain.index(fixture)][-1:]
            else:
                yield from chain[-1:]

    def named(self, name: str) -> Fixture | None:
        """Return the definition of a name that counts."""
        chain = self.chains.get(name, ())
        return chain[-1] if chain else None


@dataclass(frozen=True)
class Group:
    """Tests of one module, or class, that need the same fixtures and run on the same kind of loop.

    Attributes:
        path: Their file.
        owner: Their class, if they have one.
        closure: The fixtures that they need.
        asked: The names that they ask for themselves.
        runner: Who runs their bodies: `asyncio`, `anyio`, `unittest`, `sync`.
        loop_scope: The scope of their loop.
        tests: The tests.
        unrun: They are `async def`, and nobody runs them.
    """

    path: str
    owner: str | None
    closure: Closure
    asked: tuple[str, ...]
    runner: str
    loop_scope: str
    tests: tuple[Test, ...]
    unrun: bool = False

    @property
    def on_loop(self) -> bool:
        """Whether the bodies of these tests run on an event loop of the runner's."""
        return self.runner != "sync"


@dataclass(frozen=True)
class Suite:
    """A collected suite.

    Attributes:
        root: pytest's root folder.
        configuration: pytest's configuration file, if there is one.
        mode: `auto` or `strict`; `None` without pytest-asyncio.
        fixture_loop_scope: The loop scope of async fixtures that name none; `None` for their own.
        test_loop_scope: That of tests that name none.
        chosen: The project itself names loop scopes, so that the plugin leaves them alone.
        fixtures: All definitions that some test needs.
        groups: The tests, in the order of the files.
        modules: The project's files that collecting imported, by the module's name.
        search: The folders from which the project's modules are imported.
        named: The settings by which the project names loop scopes.
        deselected: How many tests pytest has left out.
        selection: The options of pytest by which it does, if it does by any.
    """

    root: Path
    configuration: Path | None
    mode: str | None
    fixture_loop_scope: str | None
    test_loop_scope: str
    chosen: bool
    fixtures: tuple[Fixture, ...]
    groups: tuple[Group, ...]
    modules: Mapping[str, Path]
    search: tuple[Path, ...]
    named: frozenset[str] = frozenset()
    deselected: int = 0
    selection: str = ""

    @property
    def tests(self) -> int:
        """How many tests there are."""
        return sum(len(group.tests) for group in self.groups)

    @property
    def on_one_loop(self) -> bool:
        """Whether the configuration already puts everything on one loop."""
        return self.test_loop_scope == self.fixture_loop_scope == "session"

    @property
    def relies_on_plugin(self) -> bool:
        """Whether tests ask for the plugin's own fixtures, so that the suite needs the plugin."""
        return any(
            name in PLUGIN_FIXTURES and group.closure.named(name) is None
            for group in self.groups
            for name in group.asked
        )


def read_suite(facts: Mapping[str, Any]) -> Suite:
    """Build the suite from what the collector wrote down."""
    settings = facts["settings"]
    fixtures = tuple(_fixture(index, found) for index, found in enumerate(facts["fixtures"]))
    closures = [
        Closure({name: tuple(fixtures[one] for one in chain) for name, chain in names.items()})
        for names in facts["closures"]
    ]
    fixture_scope = settings[FIXTURE_SCOPE]
    return Suite(
        root=Path(facts["root"]),
        configuration=Path(facts["configuration"]) if facts["configuration"] else None,
        mode=settings["asyncio_mode"],
        fixture_loop_scope=fixture_scope if fixture_scope in SCOPES else None,
        test_loop_scope=settings[TEST_SCOPE] or "function",
        chosen=facts["chosen"] or fixture_scope not in {None, "session"},
        deselected=facts["deselected"],
        selection=facts["selection"],
        named=frozenset(
            [TEST_SCOPE] * bool(facts["chosen"]) + [FIXTURE_SCOPE] * bool(fixture_scope)
        ),
        fixtures=fixtures,
        groups=_groups(facts["tests"], closures),
        modules={name: Path(path) for name, path in facts["modules"].items()},
        search=tuple(dict.fromkeys(Path(path) for path in facts["search"])),
    )


def _fixture(index: int, found: Mapping[str, Any]) -> Fixture:
    return Fixture(
        index=index,
        name=found["name"],
        scope=found["scope"],
        place=Place(found["path"], found["line"]),
        asks=tuple(found["asks"]),
        is_async=found["is_async"],
        own=found["own"],
        awaited=found["awaited"],
    )


def _groups(tests: Sequence[Mapping[str, Any]], closures: Sequence[Closure]) -> tuple[Group, ...]:
    together: defaultdict[tuple[Any, ...], list[Test]] = defaultdict(list)
    for test in tests:
        key = (test["path"], test["owner"], test["closure"], tuple(test["asked"]))
        together[*key, test["runner"], test["unrun"], test["loop_scope"]].append(
            Test(test["id"], Place(test["path"], test["line"]), tuple(test["marked_by"]))
        )
    return tuple(
        Group(
            path=path,
            owner=owner,
            closure=closures[closure],
            asked=asked,
            runner=runner,
            loop_scope=_loop_scope(runner, loop_scope, closures[closure]),
            tests=tuple(found),
            unrun=unrun,
        )
        for (path, owner, closure, asked, runner, unrun, loop_scope), found in together.items()
    )


def _loop_scope(runner: str, named: str, closure: Closure) -> str:
    """Return the scope of the loop of a test: pytest-asyncio is told, anyio's follows fixtures."""
    if runner != "anyio":
        return named if runner == "asyncio" else "function"
    # anyio keeps a loop for as long as an asynchronous fixture lives on it.
    return max((one.scope for one in closure if one.is_async), key=width, default="function")
