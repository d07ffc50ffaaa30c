"""What an expression gives, read off the code: an engine, a session on it, the application.

A small interpreter without a machine: it follows assignments, `with`, `await`, calls of the
project's own functions, and names that come from other modules. Where it does not know, it says
nothing, so that a finding rests on what is there to be seen.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_oneloop.doctor import kinds
from pytest_oneloop.doctor.kinds import Value
from pytest_oneloop.doctor.sources import Function, Module, Sources
from pytest_oneloop.loops.loopmap import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEPTH = 6
"""How many calls of the project's own functions are followed, one inside the other."""

_CACHES = {"cache", "lru_cache", "cached", "alru_cache"}

Local = dict[str, Value]


@dataclass
class Values:
    """Finds what expressions give.

    Args:
        sources: The project's code.
    """

    sources: Sources
    _globals: dict[tuple[Module, str], Value | None] = field(default_factory=dict)
    _given: dict[Function, Value | None] = field(default_factory=dict)

    def of_global(self, module: Module, name: str) -> Value | None:
        """Return what a module's name stands for, if that lives as long as the process."""
        named = self.sources.resolve(module, name)
        if named.module is None or not isinstance(named.node, ast.expr):
            return None
        key = (named.module, named.dotted)
        if key not in self._globals:
            self._globals[key] = None  # for one that needs itself
            self._globals[key] = self.of(named.node, named.module, {}) or self._set_later(
                named.module, named.dotted
            )
        return self._globals[key]

    def _set_later(self, module: Module, name: str) -> Value | None:
        """Return what a function assigns to the module's name by a `global` statement."""
        for function in module.functions.values():
            if any(isinstance(one, ast.Global) and name in one.names for one in function.body):
                for target, value in bindings(function):
                    if isinstance(target, ast.Name) and target.id == name:
                        return self.of(value, module, {})
        return None

    def of(  # noqa: PLR0911 - one for each kind of expression
        self, node: ast.AST | None, module: Module, local: Local, depth: int = 0
    ) -> Value | None:
        """Return what an expression gives.

        Args:
            node: The expression.
            module: Where it stands.
            local: What the function's own names stand for.
            depth: How many calls have been followed to get here.
        """
        match node:
            case ast.Name():
                return local.get(node.id) or self.of_global(module, node.id)
            case ast.Await() | ast.Yield() | ast.Starred() | ast.NamedExpr():
                return self.of(node.value, module, local, depth)
            case ast.Tuple() | ast.List():
                return self._first(node.elts, module, local, depth)
            case ast.Dict():
                return self._first(node.values, module, local, depth)
            case ast.IfExp():
                return self._first([node.body, node.orelse], module, local, depth)
            case ast.BoolOp():
                return self._first(node.values, module, local, depth)
            case ast.Call():
                return self._call(node, module, local, depth)
            case ast.Attribute():
                return self._attribute(node, module)
        return None

    def given(self, function: Function, module: Module, depth: int = 0) -> Value | None:
        """Return what a function returns or yields: the first known object."""
        if function not in self._given:
            self._given[function] = None  # for one that calls itself
            local = self.locals(function, module, depth)
            self._given[function] = self._first(handed(function), module, local, depth)
        return self._given[function]

    def locals(self, function: Function, module: Module, depth: int = 0) -> Local:
        """Return what the names in a function stand for, its arguments as fixtures."""
        place = Place(module.shown, function.lineno)
        arguments = function.args
        local = {
            one.arg: Value(kinds.FIXTURE, one.arg, place)
            for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
            if one.arg not in {"self", "cls"}
        }
        for target, value in bindings(function):
            if isinstance(target, ast.Name):
                found = self.of(value, module, local, depth)
                if found is not None:
                    local[target.id] = found
        return local

    def _first(
        self,
        nodes: list[ast.expr] | list[ast.expr | None],
        module: Module,
        local: Local,
        depth: int,
    ) -> Value | None:
        found = (self.of(node, module, local, depth) for node in nodes)
        return next((value for value in found if value is not None), None)

    def _attribute(self, node: ast.Attribute, module: Module) -> Value | None:
        named = self.sources.resolve_expression(module, node)
        if named is None or named.module is None or not isinstance(named.node, ast.expr):
            return None
        return self.of_global(named.module, named.dotted)

    def _call(self, node: ast.Call, module: Module, local: Local, depth: int) -> Value | None:
        place = Place(module.shown, node.lineno)
        called = node.func
        if isinstance(called, ast.Name | ast.Attribute):
            known = local.get(called.id) if isinstance(called, ast.Name) else None
            named = None if known else self.sources.resolve_expression(module, called)
            if named is not None and (made := kinds.maker(named.dotted)) and not named.node:
                return self._made(node, made, named.dotted, module, local)
            if named is not None and named.module is not None and depth < _DEPTH:
                if isinstance(named.node, Function):
                    return self.given(named.node, named.module, depth + 1)
                if isinstance(named.node, ast.ClassDef):
                    return self._instance(named.node, named.module, depth + 1)
        if isinstance(called, ast.Attribute):
            owner = self.of(called.value, module, local, depth)
            return kinds.method(owner, called.attr, place) if owner else None
        # One that is called itself: a sessionmaker.
        owner = self.of(called, module, local, depth)
        return kinds.method(owner, "__call__", place) if owner else None

    def _made(
        self, node: ast.Call, made: kinds.Maker, dotted: str, module: Module, local: Local
    ) -> Value | None:
        words = {one.arg: one.value for one in node.keywords if one.arg}
        label = dotted.rpartition(".")[2]
        if made.kind == kinds.CLIENT and {"transport", "app"} & words.keys():
            # It calls the application in memory, and has no socket.
            return None
        value = Value(
            made.kind,
            f"asyncio.{label}" if made.kind == kinds.PRIMITIVE else label,
            Place(module.shown, node.lineno),
            bound=made.bound,
            pooled="NullPool" not in ast.unparse(words.get("poolclass", ast.Constant(value=None))),
            memory=any(_in_memory(one) for one in (*node.args[:1], words.get("url"))),
        )
        if made.kind not in {kinds.SESSIONMAKER, kinds.SESSION}:
            return value
        bind = words.get("bind") or (node.args[0] if node.args else None)
        return kinds.on(value, self.of(bind, module, local))

    def _instance(self, node: ast.ClassDef, module: Module, depth: int) -> Value | None:
        """Return what an instance of the project's own class holds, such as an engine."""
        if any(_last_name(base) in {"Protocol", "Enum"} for base in node.bases):
            return None
        for method in node.body:
            if isinstance(method, Function):
                local = self.locals(method, module, depth)
                for target, value in bindings(method):
                    if isinstance(target, ast.Attribute):
                        found = self.of(value, module, local, depth)
                        if found is not None and found.bound and found.kind != kinds.FIXTURE:
                            return found
        return None


def bindings(function: Function) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield each target in a function with the expression that it is bound to, in order."""
    for node in own_nodes(function):
        match node:
            case ast.Assign():
                for target in node.targets:
                    yield target, node.value
            case ast.AnnAssign(value=ast.expr() as value) | ast.NamedExpr(value=value):
                yield node.target, value
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    if item.optional_vars is not None:
                        yield item.optional_vars, item.context_expr


def handed(function: Function) -> list[ast.expr]:
    """Return what a function yields, or else returns."""
    yields = [
        node.value for node in own_nodes(function) if isinstance(node, ast.Yield) and node.value
    ]
    returns = [
        node.value for node in own_nodes(function) if isinstance(node, ast.Return) and node.value
    ]
    return yields or returns


def own_nodes(function: Function) -> Iterator[ast.AST]:
    """Yield what is in a function in the order of the text, without the functions inside it."""
    waiting: list[ast.AST] = list(reversed(function.body))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, Function | ast.ClassDef | ast.Lambda):
            waiting += reversed(list(ast.iter_child_nodes(node)))


def is_cached(function: Function) -> bool:
    """Tell whether a function keeps what it once returned."""
    return any(_last_name(one) in _CACHES for one in function.decorator_list)


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        return _last_name(node.func)
    if isinstance(node, ast.Subscript):
        return _last_name(node.value)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _in_memory(node: ast.expr | None) -> bool:
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return False
    return node.value.startswith("sqlite") and (
        ":memory:" in node.value or node.value.endswith("://")
    )
