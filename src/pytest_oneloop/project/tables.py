"""What holds a project's tables, a declarative base or a `MetaData`, found in its source."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_oneloop.project.sources import Place, assigned, statements

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_oneloop.project.sources import Module, Sources

_BASE_CLASSES = {"DeclarativeBase", "DeclarativeBaseNoMeta"}
_BASE_FUNCTIONS = {"declarative_base", "generate_base"}
_SQLMODEL = "sqlmodel.SQLModel"


@dataclass(frozen=True, slots=True)
class Tables:
    """One object that knows tables.

    Attributes:
        target: `shop.models:Base`: a module that has it, and that imports every module with tables.
        place: Where the object is made.
        folder: The folder from which the module is imported.
        missing: Modules with tables that no module with this object imports; then `target` alone
            would not know all tables.
    """

    target: str
    place: Place
    folder: Path
    missing: tuple[str, ...] = ()


@dataclass
class _Holder:
    """A base or a metadata object while the source is read."""

    module: Module
    name: str
    line: int
    dotted: str
    mentions: set[str] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)


def find_tables(sources: Sources) -> list[Tables]:
    """Return the objects of the project that hold its tables, tests left out.

    One without any table is left out where another one has some, and so is a `MetaData` that a base
    was given: they are one.
    """
    own = [module for module in sources.modules if not module.is_test]
    holders = {
        holder.dotted: holder
        for module in own
        for node in statements(module.tree)
        if (holder := _holder(node, module, sources)) is not None
    }
    bases = _class_bases(sources, own)
    for module in own:
        for node in statements(module.tree):
            for dotted in _held_by(node, module, sources, bases):
                if dotted == _SQLMODEL:
                    holders.setdefault(dotted, _Holder(module, "SQLModel", node.lineno, dotted))
                if dotted in holders:
                    holders[dotted].tables.add(module.name)
    given = {name for holder in holders.values() for name in holder.mentions} - {""}
    for holder in holders.values():
        for name in holder.mentions & set(holders):
            holder.tables |= holders[name].tables
    kept = [holder for name, holder in holders.items() if name not in given]
    with_tables = [holder for holder in kept if holder.tables]
    return [_placed(holder, sources, own) for holder in with_tables or kept]


def _holder(node: ast.stmt, module: Module, sources: Sources) -> _Holder | None:
    if isinstance(node, ast.ClassDef):
        names = [sources.resolve(base, module) or "" for base in node.bases]
        if not any(_is_sqlalchemy(name, _BASE_CLASSES) for name in names):
            return None
        dotted = f"{module.name}.{node.name}"
        return _Holder(
            module, node.name, node.lineno, dotted, _mentioned(node.body, module, sources)
        )
    name, value = assigned(node) or ("", None)
    if not isinstance(value, ast.Call):
        return None
    callee = sources.resolve(value.func, module) or ""
    if _is_sqlalchemy(callee, {"MetaData"}):
        return _Holder(module, name, node.lineno, f"{module.name}.{name}")
    generated = isinstance(value.func, ast.Attribute) and value.func.attr == "generate_base"
    if generated or _is_sqlalchemy(callee, _BASE_FUNCTIONS):
        dotted = f"{module.name}.{name}"
        return _Holder(module, name, node.lineno, dotted, _mentioned([value], module, sources))
    return None


def _mentioned(nodes: Sequence[ast.AST], module: Module, sources: Sources) -> set[str]:
    return {
        sources.resolve(part, module) or ""
        for node in nodes
        for part in ast.walk(node)
        if isinstance(part, ast.Name)
    }


def _is_sqlalchemy(name: str, wanted: set[str]) -> bool:
    return name.startswith("sqlalchemy.") and name.rpartition(".")[2] in wanted


def _class_bases(sources: Sources, own: list[Module]) -> dict[str, list[str]]:
    return {
        f"{module.name}.{node.name}": [sources.resolve(base, module) or "" for base in node.bases]
        for module in own
        for node in statements(module.tree)
        if isinstance(node, ast.ClassDef)
    }


def _held_by(
    node: ast.stmt, module: Module, sources: Sources, bases: dict[str, list[str]]
) -> set[str]:
    """Return everything that a statement may add a table to."""
    if isinstance(node, ast.ClassDef):
        return _ancestors(f"{module.name}.{node.name}", bases) if _is_model(node) else set()
    _, value = assigned(node) or ("", None)
    if not isinstance(value, ast.Call) or len(value.args) < len(("name", "metadata")):
        return set()
    if not _is_sqlalchemy(sources.resolve(value.func, module) or "", {"Table"}):
        return set()
    metadata = sources.resolve(value.args[1], module) or ""
    return {metadata, metadata.removesuffix(".metadata")}


def _is_model(node: ast.ClassDef) -> bool:
    if any(keyword.arg == "table" for keyword in node.keywords):
        return True
    names = {
        name
        for statement in node.body
        for name in [
            (assigned(statement) or ("",))[0],
            statement.name if isinstance(statement, ast.FunctionDef) else "",
        ]
    }
    return bool(names & {"__tablename__", "__table__"})


def _ancestors(name: str, bases: dict[str, list[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(bases.get(name, ()))
    while waiting:
        base = waiting.pop()
        if base not in found:
            found.add(base)
            waiting += bases.get(base, ())
    return found


def _placed(holder: _Holder, sources: Sources, own: list[Module]) -> Tables:
    """Return where to name the object, so that importing the module imports all tables."""
    choices: list[tuple[Module, str]] = [(holder.module, holder.name)]
    for module in sorted(own, key=lambda one: (one.path.name != "__init__.py", one.name)):
        choices += [
            (module, name)
            for name, dotted in module.imported.items()
            if sources.followed(dotted) == holder.dotted and module is not holder.module
        ]
    missing = [holder.tables - sources.reached_from(module) for module, _ in choices]
    # Where none imports all of them, the object's own module is the one to speak of.
    best = next((index for index, lacking in enumerate(missing) if not lacking), 0)
    module, name = choices[best]
    place = Place(holder.module.path, holder.line)
    return Tables(f"{module.name}:{name}", place, module.folder, tuple(sorted(missing[best])))
