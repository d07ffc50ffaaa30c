"""What a function does, read off its code and that of the project's functions that it calls."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from pytest_oneloop.doctor import kinds
from pytest_oneloop.doctor.sources import Function, first_line
from pytest_oneloop.doctor.values import Values, handed, is_cached
from pytest_oneloop.loops.loopmap import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.doctor.kinds import Value
    from pytest_oneloop.doctor.sources import Module, Named, Sources
    from pytest_oneloop.doctor.suite import Fixture

_DEPTH = 4
"""How many calls of the project's own functions are followed, one inside the other."""

_DROPS = re.compile(r"\s*(DROP\s+(TABLE|SCHEMA|DATABASE)|CREATE\s+DATABASE)\b", re.IGNORECASE)
_CREATES = re.compile(r"\s*CREATE\s+(TABLE|SCHEMA)\b", re.IGNORECASE)
_CLEANS = re.compile(r"\s*(DELETE\s+FROM|TRUNCATE)\b", re.IGNORECASE)
_DROPPING = {"drop_all", "downgrade", "create_database", "drop_database"}
_CREATING = {"create_all", "upgrade"}
_ENDS = {"dispose", "close", "aclose", "disconnect", "shutdown"}
_HELD = kinds.ORM | {kinds.POOL, kinds.CLIENT, kinds.PRIMITIVE}


@dataclass(frozen=True, slots=True)
class Use:
    """A place that uses an object that lives as long as the process.

    Attributes:
        name: Its name.
        value: The object.
        place: The line that uses it.
        ends: It is only ended there: disposed of, or closed.
    """

    name: str
    value: Value
    place: Place
    ends: bool


@dataclass
class Facts:
    """What a function does.

    Attributes:
        makes: The objects that it makes.
        uses: The uses of objects that live as long as the process.
        creates: Where it creates tables, or runs migrations.
        drops: Where it drops tables, or makes a whole database.
        rolls_back: What it rolls back: the object, if it is known.
        cleans: Where it deletes rows.
        overrides: The dependencies that it puts others in the place of.
        patches: The names that it gives another value.
        drives: Where it makes a client that runs the application on its own loop.
        test_clients: Where it makes a `TestClient`.
    """

    makes: list[Value] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    creates: list[Place] = field(default_factory=list)
    drops: list[Place] = field(default_factory=list)
    rolls_back: list[Value | None] = field(default_factory=list)
    cleans: list[Place] = field(default_factory=list)
    overrides: list[Named] = field(default_factory=list)
    patches: list[str] = field(default_factory=list)
    drives: list[Place] = field(default_factory=list)
    test_clients: list[Place] = field(default_factory=list)

    def add(self, other: Facts) -> None:
        """Take what another function does as well."""
        for one in fields(self):
            getattr(self, one.name).extend(getattr(other, one.name))


@dataclass
class Reading:
    """Reads functions, each once.

    Args:
        sources: The project's code.
    """

    sources: Sources
    values: Values = field(init=False)
    _facts: dict[Function, Facts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.values = Values(self.sources)

    def function(self, place: Place) -> tuple[Function, Module] | None:
        """Return the function that begins at a line, and its module; `None` if none does."""
        module = self.sources.at(place.path)
        function = module.functions.get(place.line)
        return (function, module) if function is not None else None

    def fixture(self, fixture: Fixture) -> Facts:
        """Return what a fixture does; nothing for one that is not the project's."""
        found = self.function(fixture.place) if fixture.own else None
        return self.facts(*found) if found else Facts()

    def given(self, fixture: Fixture) -> Value | None:
        """Return what a fixture hands out, if that is known."""
        found = self.function(fixture.place) if fixture.own else None
        return self.values.given(*found) if found else None

    def facts(self, function: Function, module: Module, depth: int = 0) -> Facts:
        """Return what a function does, by itself and through the functions that it calls."""
        if function in self._facts:
            return self._facts[function]
        facts = self._facts[function] = Facts()  # for one that calls itself
        one = _One(self, function, module, facts)
        one.read()
        if depth < _DEPTH:
            for called, where in one.calls:
                facts.add(self.facts(called, where, depth + 1))
        return facts

    def opens(self, module: Module) -> Iterator[tuple[Function, list[Use]]]:
        """Yield the functions of a module that use what lives as long as the process.

        Only their own code counts, not that of functions which they call.
        """
        for function in module.functions.values():
            facts = Facts()
            _One(self, function, module, facts).read()
            if any(not use.ends for use in facts.uses):
                yield function, facts.uses


@dataclass
class _One:
    """The reading of one function."""

    reading: Reading
    function: Function
    module: Module
    facts: Facts
    calls: list[tuple[Function, Module]] = field(default_factory=list)

    def read(self) -> None:
        self.local = self.reading.values.locals(self.function, self.module)
        parents = {
            child: node
            for statement in self.function.body
            for node in ast.walk(statement)
            for child in ast.iter_child_nodes(node)
        }
        for statement in self.function.body:
            for node in ast.walk(statement):
                match node:
                    case ast.Call():
                        self._call(node)
                    case ast.Attribute():
                        self._attribute(node)
                        self._use(node, parents)
                    case ast.Name(ctx=ast.Load()):
                        self._use(node, parents)
                    case ast.Constant(value=str() as text):
                        self._text(node, text)
                    case ast.Assign():
                        self._assign(node)

    def _place(self, node: ast.expr) -> Place:
        return Place(self.module.shown, node.lineno)

    def _use(self, node: ast.Name | ast.Attribute, parents: dict[ast.AST, ast.AST]) -> None:
        if isinstance(node, ast.Name):
            if node.id in self.local:
                return
            name, value = node.id, self.reading.values.of_global(self.module, node.id)
        else:
            name, value = node.attr, self.reading.values.of(node, self.module, self.local)
        if value is None or not value.bound or value.kind not in _HELD:
            return
        parent = parents.get(node)
        ends = isinstance(parent, ast.Attribute) and parent.attr in _ENDS
        self.facts.uses.append(Use(name, value, self._place(node), ends))

    def _call(self, node: ast.Call) -> None:
        named = self.reading.sources.resolve_expression(self.module, node.func)
        if named is not None:
            self._named(node, named)
        if not isinstance(node.func, ast.Attribute):
            return
        owner, name = node.func.value, node.func.attr
        if name == "rollback":
            self.facts.rolls_back.append(self.reading.values.of(owner, self.module, self.local))
        elif name == "configure" and isinstance(owner, ast.Name | ast.Attribute):
            self.facts.patches.append(owner.attr if isinstance(owner, ast.Attribute) else owner.id)
        elif name in {"setattr", "patch", "object"}:
            texts = [one.value for one in node.args if isinstance(one, ast.Constant)]
            self.facts.patches += [str(one).rpartition(".")[2] for one in texts[:1]]
        elif name == "update" and ast.unparse(owner).endswith("dependency_overrides"):
            for argument in node.args:
                self._override(argument)

    def _named(self, node: ast.Call, named: Named) -> None:
        values, words = self.reading.values, {one.arg for one in node.keywords}
        last = named.dotted.rpartition(".")[2]
        if named.module is not None:
            if isinstance(named.node, Function):
                if is_cached(named.node):
                    self._cached(node, named)
                else:
                    self.calls.append((named.node, named.module))
            return
        value = values.of(node, self.module, self.local)
        if value is not None and value.kind == kinds.TEST_CLIENT:
            self.facts.test_clients.append(self._place(node))
        elif value is not None and kinds.maker(named.dotted):
            self.facts.makes.append(value)
        if last == "ASGITransport" or (last == "AsyncClient" and "app" in words):
            self.facts.drives.append(self._place(node))
        elif named.dotted in {"sqlalchemy.delete", "sqlalchemy.sql.delete"}:
            self.facts.cleans.append(self._place(node))
        elif named.dotted.startswith(("alembic.command.", "sqlalchemy_utils.")):
            self._schema(node, last)

    def _cached(self, node: ast.Call, named: Named) -> None:
        """Note the use of what a function made once, and keeps for the whole process."""
        value = self.reading.values.of(node, self.module, self.local)
        if value is not None and value.bound and value.kind in _HELD:
            self.facts.uses.append(Use(named.dotted, value, self._place(node), ends=False))

    def _attribute(self, node: ast.Attribute) -> None:
        if node.attr in {"create_all", "drop_all"}:
            self._schema(node, node.attr)
        elif node.attr == "sorted_tables" and "delete" in ast.unparse(self.function):
            self.facts.cleans.append(self._place(node))

    def _schema(self, node: ast.expr, word: str) -> None:
        if word in _DROPPING:
            self.facts.drops.append(self._place(node))
        elif word in _CREATING:
            self.facts.creates.append(self._place(node))

    def _text(self, node: ast.Constant, text: str) -> None:
        if _DROPS.match(text):
            self.facts.drops.append(self._place(node))
        elif _CREATES.match(text):
            self.facts.creates.append(self._place(node))
        elif _CLEANS.match(text):
            self.facts.cleans.append(self._place(node))

    def _assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            if isinstance(target, ast.Subscript) and ast.unparse(target.value).endswith(
                "dependency_overrides"
            ):
                self._overridden(target.slice)
            elif isinstance(target, ast.Attribute) and target.attr == "dependency_overrides":
                self._override(node.value)
            elif isinstance(target, ast.Attribute):
                self.facts.patches.append(target.attr)

    def _override(self, node: ast.expr) -> None:
        for key in node.keys if isinstance(node, ast.Dict) else ():
            if key is not None:
                self._overridden(key)

    def _overridden(self, node: ast.expr) -> None:
        named = self.reading.sources.resolve_expression(self.module, node)
        if named is not None:
            self.facts.overrides.append(named)


def place_of(function: Function, module: Module) -> Place:
    """Return where a function begins."""
    return Place(module.shown, first_line(function))


def hands_out(function: Function) -> bool:
    """Tell whether a function gives anything to whoever asks for it."""
    return bool(handed(function))
