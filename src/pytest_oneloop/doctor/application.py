"""The application's code: which of its functions open sessions, and which an override reaches."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pytest_oneloop.doctor import kinds
from pytest_oneloop.doctor.sources import Function

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_oneloop.doctor.reading import Reading, Use
    from pytest_oneloop.doctor.sources import Module, Named


_COMMIT = re.compile(r"\.commit\(|\.begin\(\)")
_WRITING = {"post", "put", "patch", "delete", "websocket"}


@dataclass(frozen=True, eq=False)
class Opener:
    """A function of the application that uses an engine, or a sessionmaker, of the process.

    Attributes:
        function: The function.
        module: Where it is.
        uses: What it uses, in the order of the lines.
    """

    function: Function
    module: Module
    uses: tuple[Use, ...]


@dataclass
class Application:
    """The modules that tests reach and that are no tests.

    Args:
        reading: Reads functions.
        modules: The modules.
    """

    reading: Reading
    modules: Sequence[Module]

    @cached_property
    def openers(self) -> list[Opener]:
        """The functions that open sessions or connections of an asynchronous engine by themselves.

        Functions that nobody calls are left out: scripts that share a module.
        """
        return [
            Opener(function, module, tuple(use for use in uses if not use.ends))
            for module in self.modules
            for function, uses in self.reading.opens(module)
            if any(use.value.kind in kinds.ORM and not use.ends for use in uses)
            if self._is_called(function, module)
        ]

    @cached_property
    def names(self) -> frozenset[str]:
        """The names by which a test would use an engine of the process: its own, and functions'."""
        used = {use.name for opener in self.openers for use in opener.uses}
        held = {
            name
            for module in self.modules
            for name, node in module.names.items()
            if isinstance(node, ast.expr)
            and (value := self.reading.values.of_global(module, name))
            and value.bound
        }
        return frozenset(used | held | {opener.function.name for opener in self.openers})

    def outside(self, overrides: Iterable[Named]) -> list[Opener]:
        """Return the openers that stay as they are when some dependencies are overridden.

        A function that only overridden ones call is overridden with them.
        """
        replaced = {one.node for one in overrides if isinstance(one.node, Function)}
        covered = self._with_what_they_alone_call(replaced)
        return [opener for opener in self.openers if opener.function not in covered]

    def commits(self, *, writing: bool) -> bool:
        """Tell whether a function of the application commits, as far as its text shows.

        Args:
            writing: Whether requests are sent that may write; where not, the functions of such
                routes are not run.
        """
        routes = {
            function
            for module in self.modules
            for function in module.functions.values()
            if any(_is_writing_route(one) for one in function.decorator_list)
        }
        left_out = set() if writing else self._with_what_they_alone_call(routes)
        return any(
            _commits(function)
            for module in self.modules
            if _COMMIT.search(module.text)
            for function in module.functions.values()
            if function not in left_out
        )

    def _with_what_they_alone_call(self, functions: set[Function]) -> set[Function]:
        covered = set(functions)
        grown = True
        while grown:
            more = {
                function
                for function, users in self._users.items()
                if function not in covered and users and users <= covered
            }
            covered |= more
            grown = bool(more)
        return covered

    def opens(self, dependency: Named) -> bool:
        """Tell whether a dependency opens sessions, so that an override of it is about them."""
        if not isinstance(dependency.node, Function) or dependency.module is None:
            return False
        return bool(self.reading.facts(dependency.node, dependency.module).uses)

    @cached_property
    def _users(self) -> dict[Function, set[Function | None]]:
        """Who names each function: other functions, or `None` for the level of a module."""
        users: dict[Function, set[Function | None]] = {}
        for module in self.modules:
            owners: dict[int, Function] = {}
            for function in module.functions.values():
                # Only the body: a decorator or a default runs when the module is loaded. Functions
                # inside others come later, and are their own.
                for statement in function.body:
                    owners.update((id(node), function) for node in ast.walk(statement))
            for node in ast.walk(module.tree):
                if isinstance(node, ast.Name | ast.Attribute):
                    named = self.reading.sources.resolve_expression(module, node)
                    if named is not None and isinstance(named.node, Function):
                        users.setdefault(named.node, set()).add(owners.get(id(node)))
        return users

    def _is_called(self, function: Function, module: Module) -> bool:
        top = module.names.get(function.name) is function
        return not top or bool(function.decorator_list) or bool(self._users.get(function))


def _commits(function: Function) -> bool:
    """Tell whether a function commits, by its own lines."""
    return any(
        isinstance(node, ast.Attribute) and node.attr in {"commit", "begin"}
        for node in ast.walk(function)
    )


def _is_writing_route(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Attribute) and called.attr in _WRITING
