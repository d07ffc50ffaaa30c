"""The Python files of a project, read and never run: their names, imports and syntax trees."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from pytest_oneloop.project.files import Unread, files_below, refused
from pytest_oneloop.project.imports import absolute_imports, imported_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

TEST_FOLDERS = frozenset({"tests", "test"})
"""The usual names of folders of tests."""

_STEPS = 20
"""How many times a name is followed from module to module."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file of the project."""

    path: Path
    line: int


@dataclass(frozen=True)
class Module:
    """One Python file.

    Attributes:
        path: Where it is.
        folder: The folder from which Python has to look for it to have its name.
        name: Its dotted name, from there.
        tree: Its syntax tree.
        is_test: Whether it is part of the tests: by its own name, or that of a folder above it.
    """

    path: Path
    folder: Path
    name: str
    tree: ast.Module
    is_test: bool

    @cached_property
    def package(self) -> str:
        """The package that its relative imports start from."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]

    @cached_property
    def imported(self) -> dict[str, str]:
        """Each name that an import binds at module level, and the dotted name that it stands for.

        The name of `from module import *` is `*`, followed by a number.
        """
        return imported_names(self.tree, self.package)

    @cached_property
    def defined(self) -> set[str]:
        """The names that the module itself binds at its level, imports left out."""
        return {name for node in statements(self.tree) for name in _names_bound_by(node)}


@dataclass
class Sources:
    """All Python files below a folder.

    Attributes:
        folder: The project's folder.
        modules: Its modules, by path, in order.
        unread: Files that are not valid Python, and what this user may not read.
        others: Other files of interest by their name: each `alembic.ini`.
    """

    folder: Path
    modules: list[Module] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)

    @cached_property
    def by_name(self) -> dict[str, Module]:
        """The modules by their dotted names."""
        return {module.name: module for module in self.modules}

    def resolve(self, node: ast.expr | None, module: Module) -> str | None:
        """Return the dotted name that an expression stands for, followed through imports.

        Returns:
            `fastapi.FastAPI`, or `shop.db.Base`; `None` for what is no name.
        """
        if isinstance(node, ast.Name):
            if node.id in module.imported:
                return self.followed(module.imported[node.id])
            if node.id in module.defined:
                return f"{module.name}.{node.id}"
            return self._starred(node.id, module)
        if isinstance(node, ast.Attribute):
            owner = self.resolve(node.value, module)
            return self.followed(f"{owner}.{node.attr}") if owner else None
        if isinstance(node, ast.Subscript):
            return self.resolve(node.value, module)
        return None

    def followed(self, name: str) -> str:
        """Return the name under which an object is defined, where a module only imports it."""
        for _ in range(_STEPS):
            owner, _, attribute = name.rpartition(".")
            holder = self.by_name.get(owner)
            if name in self.by_name or holder is None or attribute in holder.defined:
                return name
            onward = holder.imported.get(attribute) or self._starred(attribute, holder)
            if onward is None or onward == name:
                return name
            name = onward
        return name

    def reached_from(self, module: Module) -> set[str]:
        """Return the names of the project's modules that importing this one imports."""
        reached: set[str] = set()
        waiting = [module.name]
        while waiting:
            name = waiting.pop()
            if name in reached or name not in self.by_name:
                continue
            reached.add(name)
            found = self.by_name[name]
            for imported in (*absolute_imports(found.tree, found.package), name):
                parts = imported.split(".")
                waiting += [".".join(parts[: count + 1]) for count in range(len(parts))]
        return reached

    def _starred(self, name: str, module: Module) -> str | None:
        for key, target in module.imported.items():
            holder = self.by_name.get(target)
            if key.startswith("*") and holder and name in holder.defined | set(holder.imported):
                return self.followed(f"{target}.{name}")
        return None


def read_sources(folder: Path, *, pythonpath: Sequence[Path] = ()) -> Sources:
    """Read every Python file below a folder; virtual environments and hidden folders are left out.

    Costs a read and a parse of each file, some 15 µs for a line.

    Args:
        folder: The project's folder.
        pythonpath: Where pytest is told to look for modules; these decide between two names.
    """
    sources = Sources(folder)
    trees: dict[Path, ast.Module] = {}
    for path in files_below(folder, sources.unread):
        if path.name == "alembic.ini":
            sources.others.append(path)
            continue
        try:
            trees[path] = ast.parse(path.read_bytes())
        except SyntaxError as error:
            sources.unread.append(Unread(path, "is not valid Python", error.lineno or 1))
        except ValueError:  # with a null byte
            sources.unread.append(Unread(path, "is not valid Python", 1))
        except OSError as error:
            sources.unread.append(Unread(path, refused(error)))
    votes = _Votes(trees)
    for path, tree in trees.items():
        base = votes.folder_of(path, top=folder, preferred=pythonpath)
        parts = path.relative_to(base).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        sources.modules.append(Module(path, base, name, tree, _is_test(path, folder)))
    return sources


def statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield the statements that importing a module runs at its level, in `if` and `try` too.

    What stands below `if __name__ == "__main__":` or `if TYPE_CHECKING:` is not run.
    """
    waiting = list(reversed(tree.body))
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If):
            test = ast.unparse(node.test)
            skipped = "__name__" in test or "TYPE_CHECKING" in test
            waiting += reversed([*([] if skipped else node.body), *node.orelse])
        elif isinstance(node, ast.Try):
            handlers = [line for handler in node.handlers for line in handler.body]
            waiting += reversed([*node.body, *handlers, *node.orelse, *node.finalbody])
        elif isinstance(node, ast.With):
            waiting += reversed(node.body)


def assigned(node: ast.stmt) -> tuple[str, ast.expr] | None:
    """Return the name and the value of `name = value` and `name: type = value`."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target: ast.expr = node.targets[0]
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        target = node.target
    else:
        return None
    value = node.value
    return (target.id, value) if isinstance(target, ast.Name) and value is not None else None


def _names_bound_by(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            yield from (part.id for part in ast.walk(target) if isinstance(part, ast.Name))


def _is_test(path: Path, folder: Path) -> bool:
    *folders, name = path.relative_to(folder).parts
    return (
        bool(TEST_FOLDERS.intersection(folders))
        or name == "conftest.py"
        or name.startswith("test_")
        or name.endswith("_test.py")
    )


class _Votes:
    """From which folder a file is imported, as the project's own imports show.

    A folder without `__init__.py` may be a package all the same (`app/main.py`, imported as
    `app.main`), so each import in the project that leads to a file counts as a vote.
    """

    def __init__(self, trees: dict[Path, ast.Module]) -> None:
        self._wanted = Counter(
            name for tree in trees.values() for name in absolute_imports(tree, package=None)
        )
        self._folders = {parent for path in trees for parent in path.parents}
        self._files = set(trees)
        self._counted: dict[Path, Counter[str]] = {}

    def folder_of(self, path: Path, *, top: Path, preferred: Sequence[Path]) -> Path:
        """Return the folder with the most votes; the innermost one of those with as many."""
        base = path.parent
        while base != top and (base / "__init__.py").is_file():
            base = base.parent
        outer = [base, *(one for one in base.parents if one == top or one.is_relative_to(top))]
        return max(outer, key=lambda one: (self._votes(one, path), one in preferred))

    def _votes(self, base: Path, path: Path) -> int:
        counted = self._counted.get(base)
        if counted is None:
            counted = self._counted[base] = Counter()
            for name, count in self._wanted.items():
                if self._leads_somewhere(base, name):
                    counted[name.partition(".")[0]] += count
        if base == path.parent:
            return sum(
                count for name, count in counted.items() if base / f"{name}.py" in self._files
            )
        return counted[path.relative_to(base).parts[0]]

    def _leads_somewhere(self, base: Path, name: str) -> bool:
        place = base.joinpath(*name.split("."))
        return place.with_name(f"{place.name}.py") in self._files or place in self._folders
