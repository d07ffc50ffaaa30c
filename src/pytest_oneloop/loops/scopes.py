"""Which event loop a test runs on: pytest-asyncio's loop scopes, and who runs a test.

pytest-asyncio has two settings: the loop scope of tests and that of async fixtures. Where both
are left to it, each test has a loop of its own, and an object that a fixture of a wider scope made
cannot be awaited in a test. This module gives other defaults, and never touches what a
project has set itself:

- neither set: both are `session`, one loop for all;
- only tests set: fixtures follow the tests. `function` gives `fixture-scope`, under which a
  fixture of function scope has the test's loop, and one of a wider scope keeps working (before
  pytest-asyncio 1.5 that is what "not set" means, so the setting is left alone there);
- only fixtures set: tests follow the fixtures (`follow_fixtures`), so that the two never mix;
- both set: as set.

Public API of pytest and pytest-asyncio only: a default is given by declaring the option again,
which pytest allows, before anybody has read it.
"""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

TEST_SCOPE = "asyncio_default_test_loop_scope"
FIXTURE_SCOPE = "asyncio_default_fixture_loop_scope"
_FIXTURE_SCOPE = "fixture-scope"
_WIDE_SCOPES = ("class", "module", "package", "session")
_TEST_SCOPE_SINCE = (0, 26)
"""The first pytest-asyncio in which the loop scope of tests is a setting."""
_FIXTURE_SCOPE_SINCE = (1, 5)
"""The first one with a word for "the fixture's own scope"; before, leaving it unset meant that."""

RunnerName = Literal["asyncio", "anyio", "unittest", "sync"]


class SetByOneloop(str):
    """A loop scope that the plugin chose; `config.getini` hands it out as it was declared."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class LoopScopes:
    """The loop scopes that hold for a run.

    Attributes:
        test: The loop scope of tests whose marker names none.
        fixture: That of async fixtures that name none; `fixture-scope` is the fixture's own scope.
        set_by: Who chose `test`: `oneloop`, or the name of the setting that it follows from.
        follows: Whether tests follow the fixtures: `follow_fixtures` then has work to do.
    """

    test: str
    fixture: str
    set_by: str
    follows: bool = False


def default_loop_scopes(
    parser: pytest.Parser, getini: Callable[[str], object]
) -> LoopScopes | None:
    """Declare pytest-asyncio's loop scopes again, with the defaults that this module lists.

    To be called from `pytest_load_initial_conftests`, with `tryfirst`: options are declared by
    then, and `config.getini` keeps the first answer that it gives.

    Returns:
        What holds now, or `None` where pytest-asyncio is not active, or is older than 0.26 and
        has no such setting for tests; nothing is changed then.
    """
    release = _release_of_pytest_asyncio(getini)
    if release is None or release < _TEST_SCOPE_SINCE:
        return None
    parser.addini(
        TEST_SCOPE,
        type="string",
        default=SetByOneloop("session"),
        help="default scope of the asyncio event loop used to execute tests",
    )
    test = getini(TEST_SCOPE)
    # A scope that does not exist is not handed on: pytest-asyncio would blame the wrong setting.
    default = str(test) if test in _WIDE_SCOPES else _FIXTURE_SCOPE
    if default != _FIXTURE_SCOPE or release >= _FIXTURE_SCOPE_SINCE:
        parser.addini(
            FIXTURE_SCOPE,
            type="string",
            default=SetByOneloop(default),
            help="default scope of the asyncio event loop used to execute async fixtures",
        )
    # Unset, it means the same as `fixture-scope` in releases that have no word for it yet.
    fixture = getini(FIXTURE_SCOPE) or _FIXTURE_SCOPE
    if not isinstance(test, SetByOneloop):
        return LoopScopes(str(test), str(fixture), set_by=TEST_SCOPE)
    if fixture == test:
        return LoopScopes(str(test), str(fixture), set_by="oneloop")
    followed = "function" if fixture == _FIXTURE_SCOPE else str(fixture)
    return LoopScopes(followed, str(fixture), set_by=FIXTURE_SCOPE, follows=True)


@dataclass(frozen=True, slots=True)
class NamedScope:
    """A loop scope of pytest-asyncio, and where it was named.

    Attributes:
        scope: Such as `session`.
        knob: `marker` or `decorator`; otherwise the setting that it is the default of.
    """

    scope: str
    knob: str


def follow_fixtures(
    scopes: LoopScopes | None, items: list[pytest.Item], asyncio_mark: pytest.MarkDecorator
) -> None:
    """Give each pytest-asyncio test the loop scope of the project's fixtures.

    For a project that has set the loop scope of fixtures alone. That of tests cannot be declared
    any more once the other is known to be set, so each test is marked, as pytest-asyncio
    itself advises; a marker that names a loop scope is left alone.

    Args:
        scopes: What `default_loop_scopes` returned; without `follows`, nothing is done.
        items: The tests that were collected.
        asyncio_mark: `pytest.mark.asyncio`.
    """
    if scopes is None or not scopes.follows:
        return
    for item in items:
        if runner_of(item) != "asyncio":
            continue
        arguments = _asyncio_arguments(item)
        if not arguments.get("loop_scope") and not arguments.get("scope"):
            named = {key: value for key, value in arguments.items() if key == "loop_factories"}
            item.add_marker(asyncio_mark(loop_scope=scopes.test, **named), append=False)


def loop_scope_of(item: pytest.Item) -> str | None:
    """Return the loop scope that a pytest-asyncio test runs in; `None` for any other test."""
    if runner_of(item) != "asyncio":
        return None
    arguments = _asyncio_arguments(item)
    # `scope` is the older spelling, which pytest-asyncio still takes, with a warning of its own.
    named = arguments.get("loop_scope") or arguments.get("scope")
    return str(named or item.config.getini(TEST_SCOPE))


def test_scope(item: pytest.Item, scopes: LoopScopes | None) -> NamedScope | None:
    """Return the loop scope that a test runs in, and who named it; `None` if it has none.

    Args:
        item: The test.
        scopes: What `default_loop_scopes` returned.
    """
    scope = loop_scope_of(item)
    if scope is None:
        return None
    arguments = _asyncio_arguments(item)
    marked = bool(arguments.get("loop_scope") or arguments.get("scope"))
    if scopes is not None and scopes.follows and scope == scopes.test:
        return NamedScope(scope, FIXTURE_SCOPE)
    return NamedScope(scope, "marker" if marked else TEST_SCOPE)


def fixture_scope(
    function: object, scope: str, getini: Callable[[str], object], *, auto: bool
) -> NamedScope | None:
    """Return the loop scope that pytest-asyncio runs a fixture in; `None` if it does not.

    Args:
        function: The fixture's.
        scope: The fixture's own scope.
        getini: `config.getini`, of a run with pytest-asyncio.
        auto: Whether its mode is `auto`, in which it runs every asynchronous fixture.
    """
    is_its_own, named = _decorated_by_pytest_asyncio(function)
    if not auto and not is_its_own:
        return None
    if named:
        return NamedScope(named, "decorator")
    default = getini(FIXTURE_SCOPE)
    return NamedScope(
        scope if default in {None, "", _FIXTURE_SCOPE} else str(default), FIXTURE_SCOPE
    )


def sets_fixture_scope(getini: Callable[[str], object]) -> bool:
    """Return whether the project itself has set the loop scope of fixtures."""
    held = getini(FIXTURE_SCOPE)
    return bool(held) and not isinstance(held, SetByOneloop)


def runner_of(item: pytest.Item) -> RunnerName:
    """Return who runs the body of a test.

    Returns:
        `asyncio` for pytest-asyncio, which wins over anyio where both would take a test; `anyio`;
        `unittest` for each method of an `IsolatedAsyncioTestCase`; otherwise `sync`.
    """
    if _is_isolated_case(getattr(item, "cls", None)):
        return "unittest"
    if _is_pytest_asyncio_test(item):
        return "asyncio"
    if "anyio_backend" in getattr(item, "fixturenames", ()) and _is_async(item):
        return "anyio"
    return "sync"


def is_of_pytest_asyncio(function: object) -> bool:
    """Tell whether `pytest_asyncio.fixture` decorates a function, so that strict mode runs it."""
    return _decorated_by_pytest_asyncio(function)[0]


def _release_of_pytest_asyncio(getini: Callable[[str], object]) -> tuple[int, int] | None:
    """Return the release of the pytest-asyncio that is active, or `None`."""
    try:
        # Of all its settings one whose default is not changed here, for reading it fixes it.
        getini("asyncio_mode")
    except ValueError:  # the option is not declared
        return None
    numbers = re.match(r"(\d+)\.(\d+)", version("pytest-asyncio"))
    return (int(numbers[1]), int(numbers[2])) if numbers else None


def _decorated_by_pytest_asyncio(function: object) -> tuple[bool, str | None]:
    """Return whether `pytest_asyncio.fixture` decorates a function, and the loop scope it names.

    Private: the decorator leaves two attributes on the function, and nothing public shows what its
    argument `loop_scope` was.
    """
    inner = getattr(function, "__func__", function)
    named = getattr(inner, "_loop_scope", None)
    return bool(getattr(inner, "_force_asyncio_fixture", False)), str(named) if named else None


def _is_isolated_case(owner: type | None) -> bool:
    # Not imported where it is not loaded: that takes 20 ms, and no class can be one of it then.
    unittest = sys.modules.get("unittest")
    return bool(owner and unittest and issubclass(owner, unittest.IsolatedAsyncioTestCase))


def _asyncio_arguments(item: pytest.Item) -> dict[str, object]:
    marker = item.get_closest_marker("asyncio")
    return dict(marker.kwargs) if marker else {}


def _is_pytest_asyncio_test(item: pytest.Item) -> bool:
    # Not imported where it is not loaded: no test can be one of its own then. (Asking the plugin
    # manager would need the name that it was registered under, which the user may choose.)
    pytest_asyncio = sys.modules.get("pytest_asyncio")
    return pytest_asyncio is not None and bool(pytest_asyncio.is_async_test(item))


def _is_async(item: pytest.Item) -> bool:
    function = getattr(item, "function", None)
    hypothesis = getattr(function, "hypothesis", None)
    return inspect.iscoroutinefunction(getattr(hypothesis, "inner_test", function))
