"""The rules of the house: who may import whom, and what every error has."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import pytest_oneloop
import pytest_oneloop.errors
from pytest_oneloop.errors import OneloopError, OneloopWarning, SetupError, UsageError
from pytest_oneloop.errors.sandbox import SandboxError
from tools.example_errors import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(pytest_oneloop.__file__).parent
PACKAGE = "pytest_oneloop"

BELOW: dict[str, set[str]] = {
    "errors": set(),
    "options": set(),
    "cachefolder": {"errors"},
    "passthrough": {"errors", "options"},
    "aliases": {"errors", "options"},
    "named": {"errors", "options"},
    "settings": {"cachefolder", "aliases", "errors", "named", "options", "passthrough", "servers"},
    "servers": {"keys"},
    # Which database is meant, for all who have several.
    "keys": set(),
    "drivers": {"errors"},
    # The five parts, which meet in `run` alone.
    "sandbox": {"drivers", "errors", "keys", "passthrough"},
    "databases": {"errors", "drivers"},
    "schema": {"errors", "drivers"},
    "loops": {"errors"},
    "application": {"errors", "options"},
    # Draws what `loops` describes.
    "maps": {"errors", "loops"},
    # What wires them.
    "plan": {"keys", "settings", "databases", "schema"},
    "provision": {"errors", "settings", "plan", "sandbox", "databases", "schema"},
    "forecast": {"errors", "settings", "databases", "plan", "schema"},
    "isolation": {"errors", "databases", "lending", "plan", "provision", "sandbox"},
    "lending": {"databases", "plan", "provision", "sandbox"},
    "waiting": set(),
    "kinds": {
        *("errors", "settings", "drivers", "sandbox", "databases", "schema"),
        *("keys", "plan", "provision", "forecast", "isolation", "servers", "waiting"),
    },
    "run": {
        *(
            "aliases",
            "errors",
            "settings",
            "drivers",
            "sandbox",
            "databases",
            "application",
            "forecast",
            "isolation",
            "keys",
            "kinds",
            "named",
            "plan",
            "provision",
            "scoped",
            "waiting",
        ),
    },
    "strategies": {"errors", "options"},
    "scoped": {"sandbox"},
    "handle": {"run", "application"},
    # What pytest sees.
    "attempts": set(),
    "choices": {"attempts", "errors", "isolation", "options", "run", "strategies"},
    "report": {
        "errors",
        "forecast",
        "isolation",
        "keys",
        "loops",
        "maps",
        "options",
        "plan",
        "project",
        "provision",
        "run",
        "sandbox",
        "settings",
    },
    # The run and its watcher, as a process of pytest begins.
    "start": {"errors", "options", "settings", "loops", "run", "report"},
    "plugin": {
        *("errors", "options", "loops", "run", "report", "choices", "start"),
        *("fixtures", "fixtures_asyncio"),
    },
    "fixtures": {"errors", "loops", "application", "handle", "plugin"},
    "fixtures_asyncio": {"handle", "plugin"},
    # The demonstration, which runs the plugin in processes of their own.
    "demo": {"errors", "databases"},
    # The project as its files show it, for the command line.
    "project": {"errors", "schema"},
    # What reads a suite without running it: inside pytest, and from outside.
    "collector": {"loops", "plugin"},
    "doctor": {"errors", "loops", "project"},
    # The command `oneloop`.
    "cli": {"demo", "doctor", "errors", "maps", "project"},
}
"""For each part, the parts that it may import, for types as well."""

SHARED = {
    ("errors.connection", "databases.address"): "a frozen dataclass, named in texts of errors",
}
"""Single imports that the rule forbids otherwise, each with its reason; for types only."""

MAY_IMPORT_PYTEST = {
    "attempts",
    "choices",
    "collector",
    "plugin",
    "start",
    "fixtures",
    "fixtures_asyncio",
    "report",
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Yield each module, by its name below the package, with its syntax tree."""
    for path in sorted(SOURCE.rglob("*.py")):
        if path.is_relative_to(SOURCE / "demo" / "setups"):
            continue  # small projects, which the package carries as data
        parts = path.relative_to(SOURCE).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        yield name, ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """Yield the name of each module that is imported, and whether it is for types only."""
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for statement in block.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in for_types) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            assert node.module is not None
            yield node.module, id(node) in for_types
            # What is imported from a package may be a module of it.
            if node.module.startswith(PACKAGE):
                yield from (
                    (f"{node.module}.{alias.name}", id(node) in for_types) for alias in node.names
                )


def own(name: str) -> str | None:
    """Return the name of a module below the package; `None` for any other module."""
    if not name.startswith(f"{PACKAGE}."):
        return None
    inner = name.removeprefix(f"{PACKAGE}.")
    # A class or a function is of its module.
    while (
        not (SOURCE / inner.replace(".", "/")).is_dir()
        and not (SOURCE / f"{inner.replace('.', '/')}.py").is_file()
    ):
        inner = inner.rpartition(".")[0]
    return inner or None


def part(module: str) -> str:
    return module.partition(".")[0]


def test_dependencies_point_one_way() -> None:
    wrong = [
        f"{module} imports {target}"
        for module, tree in modules()
        for imported, for_types in imports(tree)
        if (target := own(imported)) is not None
        and part(target) != part(module)
        and part(target) not in BELOW.get(part(module), set())
        and not ((module, target) in SHARED and for_types)
    ]
    assert wrong == []


def test_every_part_has_its_place() -> None:
    assert {part(module) for module, _ in modules()} - {""} == set(BELOW)


def test_no_exception_from_the_rule_is_out_of_use() -> None:
    used = {(module, own(name)) for module, tree in modules() for name, _ in imports(tree)}
    assert set(SHARED) <= used


def test_a_wrong_import_would_be_found() -> None:
    tree = ast.parse("from pytest_oneloop.sandbox.router import Router\nimport pytest")
    assert list(imports(tree)) == [
        ("pytest_oneloop.sandbox.router", False),
        ("pytest_oneloop.sandbox.router.Router", False),
        ("pytest", False),
    ]
    assert own("pytest_oneloop.sandbox.router.Router") == "sandbox.router"


def test_only_what_pytest_sees_imports_pytest() -> None:
    found = {
        part(module)
        for module, tree in modules()
        for name, for_types in imports(tree)
        if name.partition(".")[0] in {"pytest", "pytest_asyncio", "_pytest"} and not for_types
    }
    assert found == MAY_IMPORT_PYTEST


def test_nobody_imports_the_private_side_of_pytest() -> None:
    private = [
        f"{module} imports {name}"
        for module, tree in modules()
        for name, _ in imports(tree)
        if name.partition(".")[0] == "_pytest"
    ]
    assert private == []


Named = OneloopError | OneloopWarning


def error_classes() -> list[type[Named]]:
    for module in pkgutil.iter_modules(pytest_oneloop.errors.__path__):
        importlib.import_module(f"{PACKAGE}.errors.{module.name}")
    found: list[type[Named]] = []
    waiting: list[type[Named]] = [OneloopError, OneloopWarning]
    while waiting:
        known = waiting.pop()
        waiting += known.__subclasses__()
        if known not in {OneloopError, OneloopWarning, SetupError, SandboxError, UsageError}:
            found.append(known)
    return [known for known in found if known.__module__.startswith(PACKAGE)]


@pytest.mark.parametrize("error", error_classes(), ids=lambda error: error.__name__)
def test_an_error_has_a_code_of_its_own(error: type[Named]) -> None:
    assert "code" in vars(error)
    assert [other for other in error_classes() if other.code == error.code] == [error]
    assert error.__name__.endswith(("Error", "Warning"))


def test_every_error_is_in_the_reference() -> None:
    # The tests of the reference assert the whole text of each of them.
    assert {type(example) for example in EXAMPLES} == set(error_classes())
    assert len(EXAMPLES) == len(error_classes())
