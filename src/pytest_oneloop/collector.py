"""A plugin of pytest that writes down what is collected, for the doctor; no test is run.

`pytest -p pytest_oneloop.collector --oneloop-facts=FILE --collect-only` collects as ever, but
without this project's plugin, so that the facts are those of the suite as it stands, and no engine
is led anywhere. It leaves one JSON object in FILE, which `doctor/suite.py` reads.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
import shlex
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_oneloop import plugin
from pytest_oneloop.loops.scopes import (
    FIXTURE_SCOPE,
    TEST_SCOPE,
    is_of_pytest_asyncio,
    runner_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SETTINGS = ("asyncio_mode", TEST_SCOPE, FIXTURE_SCOPE)
"""The settings of pytest-asyncio that the doctor wants to know."""

_FOREIGN = ("site-packages", "dist-packages")
_INSTALLED = tuple(
    sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")
)

_RUNNERS = ("_pytest.", "anyio.", "pytest_asyncio.", "pytest_oneloop.")
"""Who is known to run tests and set fixtures up, by the packages of the plugins."""

_FIXTURE_SCOPE_SINCE = (1, 5)
"""The first pytest-asyncio with a word for "the fixture's own scope"."""


class _NotChosen(str):
    """A loop scope where the project names none."""

    __slots__ = ()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the file, and the options of the plugin that is left out: a project may set them."""
    parser.addoption("--oneloop-facts", type=Path, help=argparse.SUPPRESS)
    plugin.pytest_addoption(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, parser: pytest.Parser) -> None:
    """Tell a setting left out from one that was written; keep the figures of pytest-cov."""
    if _setting(early_config, "asyncio_mode") is not None:
        parser.addini(TEST_SCOPE, "", type="string", default=_NotChosen("function"))
        if _release("pytest-asyncio") >= _FIXTURE_SCOPE_SINCE:
            # Unset, it means the same, and comes with a warning that a project may have forbidden.
            parser.addini(FIXTURE_SCOPE, "", type="string", default=_NotChosen("fixture-scope"))
    if _setting(early_config, "cache_dir") is None:
        # The doctor names a folder of its own; without pytest's cache nobody knows the option.
        parser.addini("cache_dir", "", default="")
    if hasattr(early_config.known_args_namespace, "no_cov"):
        early_config.known_args_namespace.no_cov = True


def pytest_configure(config: pytest.Config) -> None:
    """Begin to listen, and declare the marker of the plugin that is left out."""
    config.addinivalue_line("markers", "oneloop: of pytest-oneloop, which is left out here")
    config.pluginmanager.register(Collector(config.getoption("oneloop_facts")))


class Collector:
    """Listens while the suite is collected.

    Args:
        file: What to write the facts to.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._failures: list[tuple[str, str]] = []
        self._fixtures: dict[int, int] = {}
        self._listed: list[dict[str, Any]] = []
        self._deselected = 0
        self._with_others = False
        self._closures: dict[tuple[tuple[str, tuple[int, ...]], ...], int] = {}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note what cannot be collected."""
        if report.failed:
            self._failures.append((report.nodeid, report.longreprtext))

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Count what is left out."""
        self._deselected += len(items)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Write down the suite, or what could not be collected of it."""
        config = session.config
        settings = {name: _setting(config, name) for name in SETTINGS}
        self._with_others = _others_run(config)
        tests = [self._test(item, settings) for item in session.items]
        tests.sort(key=lambda test: (test["path"], test["line"]))
        facts = {
            "failures": self._failures,
            "deselected": self._deselected,
            "selection": _selection(config),
            "root": str(config.rootpath),
            "configuration": str(config.inipath) if config.inipath else None,
            "settings": settings,
            "chosen": not isinstance(config.getini(TEST_SCOPE), _NotChosen)
            if settings[TEST_SCOPE]
            else False,
            "fixtures": self._listed,
            "closures": [dict(closure) for closure in self._closures],
            "tests": tests,
            "modules": _modules(config.rootpath),
            "search": [path for path in sys.path if path and _is_own(path, config.rootpath)],
        }
        self._file.write_text(json.dumps(facts), encoding="utf-8")

    def _test(self, item: pytest.Item, settings: Mapping[str, str | None]) -> dict[str, Any]:
        closure, asked = self._closure(item)
        runner = runner_of(item)
        path, line, _ = item.location
        owner = getattr(item, "cls", None)
        marks = list(item.iter_markers_with_node("asyncio")) if runner == "asyncio" else []
        named = [mark.kwargs.get("loop_scope") or mark.kwargs.get("scope") for _, mark in marks]
        return {
            "id": item.nodeid,
            "path": path,
            "line": (line or 0) + 1,
            "owner": owner.__name__ if owner else None,
            "closure": closure,
            "asked": asked,
            "runner": runner,
            # pytest runs no coroutine by itself.
            "unrun": runner == "sync"
            and not self._with_others
            and inspect.iscoroutinefunction(getattr(item, "obj", None)),
            # The closest marker counts alone, as for pytest-asyncio.
            "loop_scope": (named[0] if named else None) or settings[TEST_SCOPE] or "function",
            "marked_by": [
                node.nodeid.partition("[")[0]
                for (node, _), scope in zip(marks, named, strict=True)
                if scope
            ],
        }

    def _closure(self, item: pytest.Item) -> tuple[int, list[str]]:
        names, definitions = fixtures_of(item)
        closure = tuple(
            (name, tuple(self._fixture(found, item.config) for found in chain))
            for name, chain in definitions.items()
        )
        return self._closures.setdefault(closure, len(self._closures)), [
            *names,
            # What has no definition is a fixture of the plugin that is left out, or a mistake.
            *(name for name in getattr(item, "fixturenames", ()) if name not in definitions),
        ]

    def _fixture(self, found: pytest.FixtureDef[Any], config: pytest.Config) -> int:
        known = self._fixtures.get(id(found))
        if known is not None:
            return known
        function = inspect.unwrap(found.func)
        function = getattr(function, "__func__", function)
        code = getattr(function, "__code__", None)
        path = code.co_filename if code else ""
        root = config.rootpath
        self._listed.append(
            {
                "name": found.argname,
                "scope": found.scope,
                "path": _relative(path, root),
                "line": code.co_firstlineno if code else 0,
                "asks": list(found.argnames),
                "is_async": inspect.iscoroutinefunction(function)
                or inspect.isasyncgenfunction(function),
                "awaited": self._with_others
                or _setting(config, "asyncio_mode") == "auto"
                or is_of_pytest_asyncio(found.func),
                "own": bool(path) and _is_own(path, root),
            }
        )
        return self._fixtures.setdefault(id(found), len(self._listed) - 1)


def fixtures_of(
    item: pytest.Item,
) -> tuple[Sequence[str], Mapping[str, Sequence[pytest.FixtureDef[Any]]]]:
    """Return the fixtures that a test asks for, and the definitions of all that it needs.

    pytest has no public way to a fixture's definition before it is set up, which only a run does.

    Returns:
        The names in the test's own arguments; and for each name in its closure the definitions,
        the one that counts last. Nothing of either for an item that is no function.
    """
    info = getattr(item, "_fixtureinfo", None)
    return (info.argnames, info.name2fixturedefs) if info is not None else ((), {})


def _setting(config: pytest.Config, name: str) -> str | None:
    try:
        value = config.getini(name)
    except ValueError:  # pytest-asyncio is not active, or has no such setting yet
        return None
    if name == FIXTURE_SCOPE and isinstance(value, _NotChosen):
        return None
    given = config.getoption(name, None)
    return str(getattr(given or value, "value", given or value) or "") or None


def _selection(config: pytest.Config) -> str:
    """Return the options by which pytest itself leaves tests out, as they are written."""
    chosen = [
        *(["-k", config.getoption("keyword", "")] if config.getoption("keyword", "") else ()),
        *(["-m", config.getoption("markexpr", "")] if config.getoption("markexpr", "") else ()),
        *(f"--deselect={one}" for one in config.getoption("deselect", None) or ()),
        # Both are of plugins of pytest's own, which a project may have switched off.
        *(["--last-failed"] if config.getoption("lf", default=False) else ()),
        *(["--stepwise"] if config.getoption("stepwise", default=False) else ()),
    ]
    return shlex.join(chosen)


def _others_run(config: pytest.Config) -> bool:
    """Tell whether a plugin that is not known here may run tests, or set fixtures up."""
    hooks = (config.hook.pytest_pyfunc_call, config.hook.pytest_fixture_setup)
    names = {
        getattr(found.plugin, "__name__", type(found.plugin).__module__)
        for hook in hooks
        for found in hook.get_hookimpls()
    }
    return any(not f"{name}.".startswith(_RUNNERS) for name in names)


def _release(distribution: str) -> tuple[int, ...]:
    """Return the first two numbers of an installed release; none of what is not installed."""
    try:
        return tuple(int(number) for number in re.findall(r"\d+", version(distribution))[:2])
    except PackageNotFoundError:  # active by another name
        return ()


def _modules(root: Path) -> dict[str, str]:
    """Return the files of the project's own modules that collecting has imported."""
    found = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    return {
        name: path
        for name, path in found.items()
        if path and _is_own(path, root) and name.partition(".")[0] != "pytest_oneloop"
    }


def _is_own(path: str, root: Path) -> bool:
    """Tell whether a file or folder is the project's: in its root, or at least not installed."""
    file = Path(path)
    if file.suffix not in {".py", ""} or any(part in _FOREIGN for part in file.parts):
        return False
    return file.is_relative_to(root) or not any(map(file.is_relative_to, _INSTALLED))


def _relative(path: str, root: Path) -> str:
    file = Path(path)
    return str(file.relative_to(root)) if file.is_relative_to(root) else path
