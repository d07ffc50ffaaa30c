"""The project's own code, as syntax trees: modules, and what a name in one of them stands for.

Nothing is imported or run. Files are read and parsed when somebody first asks for them.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_oneloop.doctor.suite import Suite

Function = ast.FunctionDef | ast.AsyncFunctionDef
_LATER = re.compile(r"^[ \t]+(from|import)\b", re.MULTILINE)
_STEPS = 8
"""How many imports of one name are followed, from module to module."""


@dataclass(frozen=True, eq=False)
class Module:
    """One file of the project.

    Attributes:
        path: The file.
        shown: The same for people: below pytest's root folder where it lies in it.
        package: What relative imports in it start from.
    """

    path: Path
    shown: str
    package: str = ""

    @cached_property
    def text(self) -> str:
        """The file's text; empty if it cannot be read."""
        try:
            return self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            # pytest has read what it needs; a file that only this reading asks for may be odd.
            return ""

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree; empty if the file is not valid for this Python."""
        try:
            return ast.parse(self.text)
        except (SyntaxError, ValueError):
            return ast.Module(body=[], type_ignores=[])

    @cached_property
    def functions(self) -> dict[int, Function]:
        """Each function and method, by its first line, decorators included."""
        return {
            first_line(node): node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }

    @cached_property
    def imports(self) -> dict[str, tuple[str, str | None]]:
        """For each imported name the module that it is from, and its name there, if it has one."""
        found: dict[str, tuple[str, str | None]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    whole = alias.asname is not None
                    name = alias.name if whole else alias.name.partition(".")[0]
                    found[alias.asname or name] = (name, None)
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    found[alias.asname or alias.name] = (self._absolute(node), alias.name)
        return found

    @cached_property
    def names(self) -> dict[str, ast.AST]:
        """What the module itself defines: functions, classes, and the values of assignments."""
        found: dict[str, ast.AST] = {}
        for node in _statements(self.tree.body):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found[node.name] = node
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        found[target.id] = node.value
            elif (
                isinstance(node, ast.AnnAssign) and node.value and isinstance(node.target, ast.Name)
            ):
                found[node.target.id] = node.value
        return found

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.package.split(".") if self.package else []
        base = parts[: len(parts) - node.level + 1]
        return ".".join([*base, node.module] if node.module else base)


@dataclass(frozen=True)
class Named:
    """What a name stands for.

    Attributes:
        dotted: Its full name, such as `sqlalchemy.ext.asyncio.create_async_engine`.
        module: The project's module that defines it; `None` for anything installed.
        node: Its definition there.
    """

    dotted: str
    module: Module | None = None
    node: ast.AST | None = None


@dataclass
class Sources:
    """All modules of the project.

    Args:
        suite: The collected suite.
    """

    suite: Suite
    _by_path: dict[Path, Module] = field(default_factory=dict)
    _by_name: dict[str, Module | None] = field(default_factory=dict)

    def at(self, shown: str) -> Module:
        """Return the module of a file, named as the suite names it."""
        path = self.suite.root / shown
        if path not in self._by_path:
            name = self._imported_as.get(path)
            return (self.find(name) if name else None) or self._add(path, "")
        return self._by_path[path]

    def find(self, name: str) -> Module | None:
        """Return the project's module of that name, imported or not; `None` if there is none."""
        if name not in self._by_name:
            path = self.suite.modules.get(name) or self._search(name)
            package = name if path and path.name == "__init__.py" else name.rpartition(".")[0]
            self._by_name[name] = self._add(path, package) if path else None
        return self._by_name[name]

    def reached(self) -> list[Module]:
        """Return the modules that tests and fixtures import, and what those import in turn."""
        waiting = [self.find(name) for name in self.suite.modules]
        waiting += [self.at(one.place.path) for one in self.suite.fixtures if one.own]
        found: dict[Path, Module] = {}
        while waiting:
            module = waiting.pop()
            if module is None or module.path in found:
                continue
            found[module.path] = module
            if module.path in self._imported_as and not _LATER.search(module.text):
                continue  # pytest has imported it, and with it all that it imports
            for source, name in module.imports.values():
                waiting.append(self.find(source))
                if name is not None:
                    waiting.append(self.find(f"{source}.{name}"))
        return [found[path] for path in sorted(found)]

    def resolve(self, module: Module, name: str) -> Named:
        """Follow a name of a module to where it is defined."""
        for _ in range(_STEPS):
            if name in module.names:
                return Named(name, module, module.names[name])
            if name not in module.imports:
                return Named(name)
            source, inner = module.imports[name]
            if inner is None:
                return Named(source, self.find(source))
            submodule = self.find(f"{source}.{inner}")
            if submodule is not None:
                return Named(f"{source}.{inner}", submodule)
            target = self.find(source)
            if target is None:
                return Named(f"{source}.{inner}")
            module, name = target, inner
        return Named(name)

    def resolve_expression(self, module: Module, node: ast.AST) -> Named | None:
        """Follow a name, or an attribute of a module; `None` for any other expression."""
        if isinstance(node, ast.Name):
            return self.resolve(module, node.id)
        if not isinstance(node, ast.Attribute):
            return None
        owner = self.resolve_expression(module, node.value)
        if owner is None:
            return None
        if owner.module is not None and owner.node is None:
            return self.resolve(owner.module, node.attr)
        if owner.module is None:
            inner = self.find(owner.dotted)
            return self.resolve(inner, node.attr) if inner else Named(f"{owner.dotted}.{node.attr}")
        return None

    @cached_property
    def _imported_as(self) -> dict[Path, str]:
        # Every conftest is `conftest` to Python, and the last one has the name.
        return {path: name for name, path in self.suite.modules.items() if name != "conftest"}

    def _add(self, path: Path, package: str) -> Module:
        root = self.suite.root
        shown = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
        return self._by_path.setdefault(path, Module(path, shown, package))

    def _search(self, name: str) -> Path | None:
        inner = name.replace(".", "/")
        for folder in self.suite.search:
            for path in (folder / f"{inner}.py", folder / inner / "__init__.py"):
                if path.is_file():
                    return path
        return None


def first_line(node: Function) -> int:
    """Return the first line of a function, decorators included, as the compiler counts it."""
    return min([node.lineno, *(one.lineno for one in node.decorator_list)])


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, those under `if`, `try` and `with` included."""
    for node in body:
        yield node
        for name in ("body", "orelse", "finalbody", "handlers"):
            if isinstance(node, ast.If | ast.Try | ast.With | ast.ExceptHandler):
                yield from _statements(getattr(node, name, []))
