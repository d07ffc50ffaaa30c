"""What a hand-written `conftest.py` does that the plugin does as well."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_oneloop.project.besides import Function, does_more, is_another_engine
from pytest_oneloop.project.migrating import migrates
from pytest_oneloop.project.sources import Place, assigned, statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.project.sources import Module, Sources

_FIXTURE = {"pytest.fixture", "pytest_asyncio.fixture"}
_SESSION_LIKE = re.compile(r"session|db|database|conn|engine", re.IGNORECASE)
_SESSION_MAKERS = {"async_sessionmaker", "AsyncSession"}

ENGINE = "every engine leads to the test database; the fixture `db_engine` is one"
LOOP = "all tests and fixtures are on one event loop"
MAKER = "every sessionmaker, that of the application too, leads to the test database"
OVERRIDE = "every session of the application is in the test's transaction"
ROLLBACK = "every test is rolled back"
SESSION = "the fixture `db_session` is a session on the test database"
MIGRATIONS = "the database is migrated, once for all tests, and each test begins with the same rows"
TABLES = "the tables are there, and each test begins with the same rows"
CLIENT = "the fixture `client` calls the application, with its lifespan"
_SUCCESSORS = {ENGINE: "db_engine", SESSION: "db_session", CLIENT: "client"}


@dataclass(frozen=True, slots=True)
class Obsolete:
    """Something that can be deleted once the plugin is set up.

    Attributes:
        place: Where it begins.
        name: The fixture's, function's or variable's name, or the statement itself.
        reason: What makes it unnecessary.
        successor: The plugin's fixture that tests ask for instead, if there is one.
    """

    place: Place
    name: str
    reason: str
    successor: str | None = None

    @property
    def keeps_name(self) -> bool:
        """Whether tests can go on asking for the same name."""
        return self.successor in {None, self.name}


def find_obsolete(sources: Sources) -> list[Obsolete]:
    """Return what each `conftest.py` of the project holds that is not needed any more, in order.

    Only what the source shows without doubt: a synchronous session, a `TestClient`, a client that
    overrides other dependencies as well, or a fixture that also writes rows is not among them.
    """
    return [
        found
        for module in sources.modules
        if module.path.name == "conftest.py"
        for found in _Conftest(module, sources).found()
    ]


class _Conftest:
    """One `conftest.py`, while it is looked through."""

    def __init__(self, module: Module, sources: Sources) -> None:
        self._module = module
        self._sources = sources
        self._overriding = {
            node.value.id
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Name)
            and _overridden(node)
        }

    def found(self) -> Iterator[Obsolete]:
        for node in statements(self._module.tree):
            if isinstance(node, Function):
                reason = (
                    self._reason_of_fixture(node)
                    if self._is_fixture(node)
                    else self._reason_of_function(node)
                )
                # A decorated function begins with its decorator.
                line = min([node.lineno, *(one.lineno for one in node.decorator_list)])
                name = node.name
            else:
                reason, line = self._reason_of_statement(node), node.lineno
                name = (assigned(node) or (ast.unparse(node),))[0]
            if reason:
                fixture = isinstance(node, Function) and self._is_fixture(node)
                successor = _SUCCESSORS.get(reason) if fixture else None
                yield Obsolete(Place(self._module.path, line), name, reason, successor)

    def _reason_of_fixture(self, node: Function) -> str | None:
        calls = self._calls(node)
        overridden = [name for one in ast.walk(node) for name in _overridden(one)]
        if not all(_SESSION_LIKE.search(name) for name in overridden):
            return None
        reasons = {
            LOOP: node.name == "event_loop",
            CLIENT: any(name.endswith(".ASGITransport") for name in calls)
            and not {"post", "update"} & _attributes(node),
            ENGINE: any(name.endswith(".create_async_engine") for name in calls),
            ROLLBACK: {"begin", "rollback"} <= _attributes(node) and self._opens(node, "connect"),
            # What makes sessions is handed out, or a session is.
            MAKER: any(name.endswith(".async_sessionmaker") for name in calls)
            and not any(isinstance(one, ast.AsyncWith) for one in ast.walk(node)),
            SESSION: self._makes_a_session(node, calls),
            TABLES: bool({"create_all", "drop_all"} & _attributes(node))
            and not any(name.endswith(".create_engine") for name in calls),
            MIGRATIONS: migrates(node, self._module, self._sources),
            OVERRIDE: bool(overridden),
        }
        reason = next((reason for reason, holds in reasons.items() if holds), None)
        kept = reason != LOOP and does_more(node, self._module, self._sources)
        return None if kept else reason

    def _reason_of_function(self, node: Function) -> str | None:
        return OVERRIDE if node.name in self._overriding else None

    def _reason_of_statement(self, node: ast.stmt) -> str | None:
        names = list(_overridden(node))
        if names:
            return OVERRIDE if all(_SESSION_LIKE.search(name) for name in names) else None
        _, value = assigned(node) or ("", None)
        if not isinstance(value, ast.Call):
            return None
        callee = self._sources.resolve(value.func, self._module) or ""
        if callee.endswith(".create_async_engine"):
            another = is_another_engine(value, self._module, self._sources)
            return None if another else ENGINE
        return MAKER if callee.endswith(".async_sessionmaker") else None

    def _is_fixture(self, node: Function) -> bool:
        for decorator in node.decorator_list:
            callee = decorator.func if isinstance(decorator, ast.Call) else decorator
            if self._sources.resolve(callee, self._module) in _FIXTURE:
                return True
        return False

    def _calls(self, node: Function) -> set[str]:
        """Return the dotted names of what a function calls."""
        return {
            self._sources.resolve(one.func, self._module) or ""
            for one in ast.walk(node)
            if isinstance(one, ast.Call)
        }

    def _makes_a_session(self, node: Function, calls: set[str]) -> bool:
        if any(name.rpartition(".")[2] in _SESSION_MAKERS for name in calls):
            return True
        arguments = {one.arg for one in node.args.args if "session" in one.arg}
        called = {
            one.func.id
            for one in ast.walk(node)
            if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)
        }
        return bool(arguments & called) or any(self._is_sessionmaker(name) for name in calls)

    def _is_sessionmaker(self, dotted: str) -> bool:
        owner, _, attribute = dotted.rpartition(".")
        module = self._sources.by_name.get(owner)
        if module is None:
            return False
        return any(
            name == attribute
            and isinstance(value, ast.Call)
            and (self._sources.resolve(value.func, module) or "").endswith(".async_sessionmaker")
            for node in statements(module.tree)
            for name, value in [assigned(node) or ("", None)]
        )

    def _opens(self, node: Function, method: str) -> bool:
        """Whether it enters `async with something.method()`."""
        return any(
            isinstance(item.context_expr, ast.Call)
            and isinstance(item.context_expr.func, ast.Attribute)
            and item.context_expr.func.attr == method
            for one in ast.walk(node)
            if isinstance(one, ast.AsyncWith)
            for item in one.items
        )


def _attributes(node: ast.AST) -> set[str]:
    return {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}


def _overridden(node: ast.AST) -> Iterator[str]:
    """Yield the names of the dependencies that an assignment to `dependency_overrides` names."""
    for target in node.targets if isinstance(node, ast.Assign) else ():
        if (
            isinstance(target, ast.Subscript)
            and isinstance(target.value, ast.Attribute)
            and target.value.attr == "dependency_overrides"
        ):
            yield ast.unparse(target.slice)
