"""Code that migrates a database by Alembic, as hand-written fixtures do."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.project.sources import Module, Sources

_UPGRADE: Final = "alembic.command.upgrade"
_MAIN: Final = "alembic.config.main"
_LATEST: Final = {"head", "heads"}
_DEPTH: Final = 3
"""How many functions of the project are followed, one calling another."""


def migrates(node: ast.AST, module: Module, sources: Sources, *, depth: int = _DEPTH) -> bool:
    """Tell whether code brings a database to the latest revision.

    By itself, by a program that it runs, or by a function of the project that it calls or hands on.
    Code that names another revision is none: it is what a test of a migration needs.

    Args:
        node: The code.
        module: Where it is.
        sources: The project.
        depth: How many functions are followed.
    """
    return _Reading(module, sources, _local_imports(node), depth).migrates(node)


class _Reading:
    """One piece of code, while it is read."""

    def __init__(self, module: Module, sources: Sources, local: dict[str, str], depth: int) -> None:
        self._module = module
        self._sources = sources
        self._local = local
        self._depth = depth

    def migrates(self, node: ast.AST) -> bool:
        calls = [one for one in ast.walk(node) if isinstance(one, ast.Call)]
        if any(self._upgrades(call) or self._runs_alembic(call) for call in calls):
            return not any(self._names_a_revision(call) for call in calls)
        return self._depth > 0 and any(
            migrates(function, holder, self._sources, depth=self._depth - 1)
            for call in calls
            for holder, function in self._functions(call)
        )

    def _upgrades(self, call: ast.Call) -> bool:
        """Tell whether it calls Alembic's function, or hands it on, as to `asyncio.to_thread`."""
        return any(self._name(one) == _UPGRADE for one in (call.func, *call.args))

    def _runs_alembic(self, call: ast.Call) -> bool:
        words = {
            one.value
            for argument in (*call.args, *(one.value for one in call.keywords))
            if isinstance(argument, ast.List | ast.Tuple)
            for one in argument.elts
            if isinstance(one, ast.Constant)
        }
        is_alembic = "alembic" in words or self._name(call.func) == _MAIN
        return is_alembic and "upgrade" in words and not words.isdisjoint(_LATEST)

    def _names_a_revision(self, call: ast.Call) -> bool:
        """Tell whether it is an upgrade to another revision than the latest."""
        values = [*call.args, *(one.value for one in call.keywords)]
        texts = [
            one.value
            for one in values
            if isinstance(one, ast.Constant) and isinstance(one.value, str)
        ]
        return self._upgrades(call) and not _LATEST.issuperset(texts)

    def _functions(self, call: ast.Call) -> Iterator[tuple[Module, ast.AST]]:
        """Yield the functions of the project that a call calls, or hands on."""
        for one in (call.func, *call.args):
            owner, _, name = (self._name(one) or "").rpartition(".")
            holder = self._sources.by_name.get(owner)
            if holder is None:
                continue
            for found in holder.tree.body:
                if isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef) and found.name == name:
                    yield holder, found

    def _name(self, node: ast.expr) -> str | None:
        """Return the dotted name that an expression stands for, by the imports of its function."""
        parts: list[str] = []
        inner = node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name) and inner.id in self._local:
            return ".".join([self._local[inner.id], *reversed(parts)])
        return self._sources.resolve(node, self._module)


def _local_imports(node: ast.AST) -> dict[str, str]:
    """Return the names that imports inside a function bind, with what they stand for."""
    found: dict[str, str] = {}
    for one in ast.walk(node):
        if isinstance(one, ast.ImportFrom) and one.module and not one.level:
            found |= {each.asname or each.name: f"{one.module}.{each.name}" for each in one.names}
        elif isinstance(one, ast.Import):
            for each in one.names:
                first = each.name.partition(".")[0]
                found[each.asname or first] = each.name if each.asname else first
    return found
