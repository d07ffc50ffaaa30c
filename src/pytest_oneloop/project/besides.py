"""What a fixture does before its test besides making what the plugin gives as well."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pytest_oneloop.project.migrating import migrates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.project.sources import Module, Sources

Function = ast.FunctionDef | ast.AsyncFunctionDef

_WRITES = {
    "add",
    "add_all",
    "bulk_insert_mappings",
    "bulk_save_objects",
    "exec",
    "exec_driver_sql",
    "execute",
    "executemany",
    "merge",
    "scalar",
    "scalars",
}
# What a database that is made anew, and put back after each test, needs no more.
_NEEDLESS_SQL = re.compile(r"\s*(DROP|TRUNCATE|DELETE\s+FROM|CREATE\s+DATABASE)\b", re.IGNORECASE)
_TABLES = {"create_all", "drop_all"}
_CLIENT = {"app", "base_url", "transport"}
_URL = re.compile(r"\w+(\+\w+)?://|sqlite")


def does_more(node: Function, module: Module, sources: Sources) -> bool:
    """Tell whether a test may rely on what a fixture does besides making its value.

    That is: rows or extensions that it puts into the database, functions of the project that it
    awaits, and a client or an engine of another kind than the plugin's. What it does after the test
    does not count, since every test is rolled back.
    """
    return any(
        (_writes(one) and not migrates(one, module, sources))
        or _awaits_own(one, module, sources)
        or is_another_engine(one, module, sources)
        or _is_another_client(one, module, sources)
        for one in _before_the_test(node)
    )


def is_another_engine(node: ast.AST, module: Module, sources: Sources) -> bool:
    """Tell whether an expression makes an engine for something else than PostgreSQL."""
    if not isinstance(node, ast.Call):
        return False
    if not (sources.resolve(node.func, module) or "").endswith(".create_async_engine"):
        return False
    return any(
        _URL.match(text) and not text.startswith("postgres")
        for argument in (*node.args, *(one.value for one in node.keywords))
        for text in _texts(argument)
    )


def _writes(node: ast.AST) -> bool:
    """Tell whether it is a call that sends a statement, or hands a row to a session."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    if node.func.attr == "run_sync":
        return not any(
            isinstance(one, ast.Attribute) and one.attr in _TABLES
            for argument in node.args
            for one in ast.walk(argument)
        )
    if node.func.attr not in _WRITES:
        return False
    texts = [text for argument in node.args for text in _texts(argument)]
    deletes = any(
        isinstance(one, ast.Name | ast.Attribute) and _last_name(one) == "delete"
        for argument in node.args
        for one in ast.walk(argument)
    )
    return not (deletes or (texts and all(map(_NEEDLESS_SQL.match, texts))))


def _awaits_own(node: ast.AST, module: Module, sources: Sources) -> bool:
    """Tell whether it awaits a function of the project, unless that only makes the tables."""
    if not isinstance(node, ast.Await) or not isinstance(node.value, ast.Call):
        return False
    owner, _, name = (sources.resolve(node.value.func, module) or "").rpartition(".")
    found = sources.by_name.get(owner)
    functions = [
        one
        for one in (found.tree.body if found else ())
        if isinstance(one, Function) and one.name == name
    ]
    return any(
        not any(
            isinstance(one, ast.Attribute) and one.attr in _TABLES for one in ast.walk(function)
        )
        for function in functions
    ) and not migrates(node, module, sources)


def _is_another_client(node: ast.AST, module: Module, sources: Sources) -> bool:
    """Tell whether it makes a client that the plugin's own would not be equal to, or sets it up."""
    if isinstance(node, ast.Assign):
        return any(
            isinstance(one, ast.Attribute) and one.attr in {"auth", "cookies", "headers", "params"}
            for target in node.targets
            for one in ast.walk(target)
        )
    if not isinstance(node, ast.Call):
        return False
    last = (sources.resolve(node.func, module) or "").rpartition(".")[2]
    words = {one.arg: one.value for one in node.keywords}
    if last == "ASGITransport":
        return bool(words.keys() - {"app"})
    if last != "AsyncClient":
        return False
    base = words.get("base_url", ast.Constant(value=""))
    return bool(words.keys() - _CLIENT) or not (
        isinstance(base, ast.Constant) and urlsplit(str(base.value)).path in {"", "/"}
    )


def _before_the_test(node: Function) -> Iterator[ast.AST]:
    """Yield what is in a function above its first `yield`, functions inside it left out."""
    own = list(_own_nodes(node))
    yields = [one.lineno for one in own if isinstance(one, ast.Yield | ast.YieldFrom)]
    last = min(yields, default=node.end_lineno or node.lineno)
    yield from (one for one in own if getattr(one, "lineno", last) <= last)


def _own_nodes(node: Function) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        one = waiting.pop()
        yield one
        if not isinstance(one, Function | ast.ClassDef | ast.Lambda):
            waiting += ast.iter_child_nodes(one)


def _texts(node: ast.AST) -> list[str]:
    return [
        one.value
        for one in ast.walk(node)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]


def _last_name(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr
