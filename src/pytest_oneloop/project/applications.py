"""The ASGI applications of a project, found in its source."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_oneloop.project.sources import Place, assigned, statements

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_oneloop.project.sources import Module, Sources

_CLASSES = {
    "FastAPI": "fastapi",
    "Starlette": "starlette",
    "Litestar": "litestar",
    "Quart": "quart",
}

_ASIDE = {"benchmarks", "demo", "docs", "example", "examples", "samples", "scripts", "tools"}


@dataclass(frozen=True, slots=True)
class Application:
    """An application, or a function that makes one.

    Attributes:
        target: `shop.main:app`, or `shop.main:create_app()`.
        place: Where it is made.
        folder: The folder from which its module is imported.
        kind: The class: `FastAPI`.
        wants: The arguments that the function cannot do without; none for one that can be used.
    """

    target: str
    place: Place
    folder: Path
    kind: str
    wants: tuple[str, ...] = ()

    @property
    def is_factory(self) -> bool:
        """Whether a function has to be called for it."""
        return self.target.endswith("()")

    def is_aside(self, folder: Path) -> bool:
        """Tell whether it lies among the examples and scripts of the project in `folder`."""
        path = self.place.path
        return path.is_relative_to(folder) and bool(
            _ASIDE.intersection(path.relative_to(folder).parts[:-1])
        )


def find_applications(sources: Sources) -> list[Application]:
    """Return the applications that the project's modules make, tests left out.

    One that another one mounts is a part of that one. A function that makes the application counts
    where no module calls it for one.
    """
    own = [module for module in sources.modules if not module.is_test]
    classes = _own_classes(sources, own)
    factories = {
        f"{module.name}.{node.name}": (module, node, kind)
        for module in own
        for node in statements(module.tree)
        if isinstance(node, ast.FunctionDef)
        and (kind := _made_by(node, module, sources, classes)) is not None
    }
    made: dict[str, Application] = {}
    called: set[str] = set()
    for module in own:
        for node in statements(module.tree):
            name, value = assigned(node) or ("", None)
            if not isinstance(value, ast.Call):
                continue
            callee = sources.resolve(value.func, module) or ""
            kind = _kind_of(callee, classes)
            if kind is None and callee in factories:
                called.add(callee)
                kind = factories[callee][2]
            if kind:
                place = Place(module.path, node.lineno)
                made[f"{module.name}.{name}"] = Application(
                    f"{module.name}:{name}", place, module.folder, kind
                )
    mounted = set(_mounted(sources, own))
    found = [one for name, one in made.items() if name not in mounted]
    # A function that returns an application which is there by itself is only a way to it.
    with_instance = {one.target.partition(":")[0] for one in found}
    for name, (module, node, kind) in factories.items():
        if name not in called and module.name not in with_instance:
            place = Place(module.path, node.lineno)
            target = f"{module.name}:{node.name}()"
            found.append(Application(target, place, module.folder, kind, _required(node)))
    return found


def _own_classes(sources: Sources, own: list[Module]) -> dict[str, str]:
    """Return the project's own subclasses of the known classes, each with the known class."""
    found: dict[str, str] = {}
    for module in own:
        for node in statements(module.tree):
            if isinstance(node, ast.ClassDef):
                for base in node.bases:
                    kind = _kind_of(sources.resolve(base, module) or "", found)
                    if kind:
                        found[f"{module.name}.{node.name}"] = kind
    return found


def _kind_of(name: str, own_classes: dict[str, str]) -> str | None:
    package, last = name.partition(".")[0], name.rpartition(".")[2]
    return last if _CLASSES.get(last) == package else own_classes.get(name)


def _made_by(
    function: ast.FunctionDef, module: Module, sources: Sources, classes: dict[str, str]
) -> str | None:
    """Return the class of the application that a function makes and returns, if it does."""
    if not any(isinstance(node, ast.Return) and node.value for node in ast.walk(function)):
        return None
    annotated = _kind_of(sources.resolve(function.returns, module) or "", classes)
    if annotated:
        return annotated
    if function.returns is not None:
        return None
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            kind = _kind_of(sources.resolve(node.func, module) or "", classes)
            if kind:
                return kind
    return None


def _mounted(sources: Sources, own: list[Module]) -> Iterator[str]:
    for module in own:
        for node in ast.walk(module.tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "mount"
            ):
                for value in (*node.args, *(keyword.value for keyword in node.keywords)):
                    yield sources.resolve(value, module) or ""


def _required(function: ast.FunctionDef) -> tuple[str, ...]:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    without = positional[: len(positional) - len(arguments.defaults)]
    named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    without += [argument for argument, default in named if default is None]
    return tuple(argument.arg for argument in without)
