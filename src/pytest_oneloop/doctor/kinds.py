"""The objects that the doctor knows: what makes one, and whether an event loop holds it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_oneloop.loops.loopmap import Place

ENGINE, SESSIONMAKER, SESSION = "engine", "sessionmaker", "session"
CONNECTION, TRANSACTION, POOL = "connection", "transaction", "pool"
CLIENT, PRIMITIVE, APP, TEST_CLIENT = "client", "primitive", "app", "test client"
FIXTURE = "fixture"
"""What a fixture was given by another one, until it is known what that one hands out."""

ORM = frozenset({ENGINE, SESSIONMAKER, SESSION, CONNECTION, TRANSACTION})
"""What SQLAlchemy makes, so that the plugin can put a connection of its own below it."""


@dataclass(frozen=True, slots=True)
class Value:
    """An object, as far as it can be told from the code that makes it.

    Attributes:
        kind: One of the names above.
        label: For people: `create_async_engine`, `asyncio.Lock`; a fixture's name for `FIXTURE`.
        place: Where it is made.
        bound: An event loop holds it, from its first use on.
        pooled: It keeps connections for later; `False` with `NullPool`.
        base: What it was made from: the engine of a session.
        memory: It is a database in memory, which is empty each time.
        opened: For a connection, the method that opened it: `connect`, or `begin`, which commits.
    """

    kind: str
    label: str
    place: Place
    bound: bool = False
    pooled: bool = True
    base: Value | None = None
    memory: bool = False
    opened: str = ""

    def chain(self) -> tuple[Value, ...]:
        """Return it and what it stands on, down to the engine."""
        return (self, *(self.base.chain() if self.base else ()))


@dataclass(frozen=True, slots=True)
class Maker:
    """Something that makes objects when it is called.

    Attributes:
        packages: The packages that it may be imported from, by the first parts of their names.
        kind: What it makes.
        bound: Whether a loop holds that.
    """

    packages: tuple[str, ...]
    kind: str
    bound: bool = False


_SQL = ("sqlalchemy", "sqlmodel")
_WEB = ("fastapi", "starlette", "litestar", "quart")

MAKERS = {
    "create_async_engine": Maker(_SQL, ENGINE, bound=True),
    "async_engine_from_config": Maker(_SQL, ENGINE, bound=True),
    "create_engine": Maker(_SQL, ENGINE),
    "engine_from_config": Maker(_SQL, ENGINE),
    "async_sessionmaker": Maker(_SQL, SESSIONMAKER),
    "sessionmaker": Maker(_SQL, SESSIONMAKER),
    "async_scoped_session": Maker(_SQL, SESSIONMAKER),
    "scoped_session": Maker(_SQL, SESSIONMAKER),
    "AsyncSession": Maker(_SQL, SESSION),
    "Session": Maker(_SQL, SESSION),
    "create_pool": Maker(("asyncpg", "aiopg", "aiomysql"), POOL, bound=True),
    "AsyncConnectionPool": Maker(("psycopg_pool",), POOL, bound=True),
    "Redis": Maker(("redis.asyncio", "aioredis", "valkey.asyncio"), CLIENT, bound=True),
    "from_url": Maker(("redis.asyncio", "aioredis", "valkey.asyncio"), CLIENT, bound=True),
    "ClientSession": Maker(("aiohttp",), CLIENT, bound=True),
    "AsyncIOMotorClient": Maker(("motor",), CLIENT, bound=True),
    "AsyncClient": Maker(("httpx", "httpx2"), CLIENT, bound=True),
    **{
        name: Maker(("asyncio",), PRIMITIVE, bound=True)
        for name in (
            *("Lock", "Event", "Condition", "Semaphore", "BoundedSemaphore"),
            *("Queue", "PriorityQueue", "LifoQueue"),
        )
    },
    **{name: Maker(_WEB, APP) for name in ("FastAPI", "Starlette", "Litestar", "Quart")},
    "TestClient": Maker(_WEB, TEST_CLIENT),
}
"""What makes an object that the doctor knows, by the last part of its name."""

METHODS = {
    (ENGINE, "connect"): CONNECTION,
    (ENGINE, "begin"): CONNECTION,
    (ENGINE, "execution_options"): ENGINE,
    (CONNECTION, "begin"): TRANSACTION,
    (CONNECTION, "begin_nested"): TRANSACTION,
    (SESSIONMAKER, "__call__"): SESSION,
    (SESSIONMAKER, "begin"): SESSION,
    (SESSION, "begin"): TRANSACTION,
    (SESSION, "begin_nested"): TRANSACTION,
    (POOL, "acquire"): CONNECTION,
    (POOL, "connection"): CONNECTION,
    # Which fixture it is has yet to be found; these names say enough.
    (FIXTURE, "connect"): CONNECTION,
    (FIXTURE, "begin"): TRANSACTION,
    (FIXTURE, "__call__"): SESSION,
}
"""What a method of a known object gives."""


def maker(dotted: str) -> Maker | None:
    """Return what the callable of this full name makes.

    A name that was imported from nowhere that could be found counts by its last part alone.
    """
    package, _, last = dotted.rpartition(".")
    found = MAKERS.get(last)
    if found is None or not package:
        return None
    inside = any(package == one or package.startswith(f"{one}.") for one in found.packages)
    return found if inside else None


def method(value: Value, name: str, place: Place) -> Value | None:
    """Return what a method of an object gives; `None` where that is not known."""
    kind = METHODS.get((value.kind, name))
    if kind is None:
        return None
    if kind == value.kind:
        return value
    return Value(kind, name, place, bound=value.bound, base=value, opened=name)


def on(value: Value, base: Value | None) -> Value:
    """Return the object as one that stands on another, and is held by a loop if that one is."""
    if base is None:
        return value
    return replace(value, base=base, bound=value.bound or base.bound, pooled=base.pooled)
