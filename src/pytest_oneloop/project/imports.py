"""What a module imports, as its source says."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def imported_names(tree: ast.Module, package: str) -> dict[str, str]:
    """Return each name that an import of the module's own level binds, and what it stands for.

    Args:
        tree: The module.
        package: The package that its relative imports start from.
    """
    names: dict[str, str] = {}
    for node in _imports(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.name if alias.asname else alias.name.partition(".")[0]
                names[alias.asname or whole] = whole
            continue
        module = _module_of(node, package)
        for alias in node.names:
            if alias.name == "*":
                names[f"*{len(names)}"] = module
            else:
                names[alias.asname or alias.name] = f"{module}.{alias.name}"
    return names


def absolute_imports(tree: ast.Module, package: str | None) -> list[str]:
    """Return the dotted name of each module that importing this one imports, or may import.

    `from shop import models` gives both `shop` and `shop.models`, which may be a module.

    Args:
        tree: The module.
        package: The package that relative imports start from; `None` leaves them out.
    """
    found: list[str] = []
    for node in _imports(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif package is not None or not node.level:
            module = _module_of(node, package or "")
            found += [module, *(f"{module}.{alias.name}" for alias in node.names)]
    return found


def _imports(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports outside of functions; those for types alone are left out."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.expr):
            waiting += ast.iter_child_nodes(node)


def _module_of(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".") if package else []
    base = parts[: len(parts) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])
