"""Two databases at one sandbox: what holds for every driver."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from pytest_oneloop.kinds.sqlite import File
from pytest_oneloop.sandbox.outer import Constraints
from tools import mariadb
from tools.laboratory import Target
from tools.mysql_laboratory import MySQLTarget
from tools.pairs import Pair
from tools.servers import conninfo, fresh_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    Look = Callable[[str], list[Any]]

pytestmark = pytest.mark.server

TABLE = "CREATE TABLE item (id int PRIMARY KEY, name varchar(20))"
ITEMS = "SELECT id FROM item ORDER BY id"
ASYNCHRONOUS = {
    *("postgresql+asyncpg", "postgresql+psycopg async"),
    *("sqlite+aiosqlite", "mysql+aiomysql", "mysql+asyncmy"),
}
DRIVERS = sorted(
    {*ASYNCHRONOUS, "postgresql+psycopg", "postgresql+psycopg2", "sqlite+pysqlite", "mysql+pymysql"}
)


class ShopBase(DeclarativeBase):
    pass


class StatsBase(DeclarativeBase):
    pass


class Order(ShopBase):
    __tablename__ = "item"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class Event(StatsBase):
    __tablename__ = "item"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


@pytest.fixture
def databases(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[tuple[Any, Any], tuple[Look, Look]]]:
    """Two databases of the driver's kind: as the router's targets, and to look into them."""
    kind = request.param.partition("+")[0]
    make = {"postgresql": on_postgresql, "mysql": on_mysql, "sqlite": on_sqlite}[kind]
    with ExitStack() as stack:
        first, second = (
            make(request, stack, tmp_path / name, key)
            for name, key in (("one", kind), ("two", f"{kind}:second"))
        )
        yield (first[0], second[0]), (first[1], second[1])
        for look in (first[1], second[1]):
            assert look(ITEMS) == []


def on_postgresql(
    request: pytest.FixtureRequest, stack: ExitStack, _path: Path, key: str
) -> tuple[Any, Look]:
    address = stack.enter_context(fresh_database(request.getfixturevalue("tcp_server")))

    def look(sql: str) -> list[Any]:
        with psycopg.connect(conninfo(address), autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    look(TABLE)
    target = Target(address, Constraints())
    target.key = key
    return target, look


def on_mysql(
    request: pytest.FixtureRequest, stack: ExitStack, _path: Path, key: str
) -> tuple[Any, Look]:
    server = stack.enter_context(mariadb.fresh_database(request.getfixturevalue("mariadb")))
    server.run(TABLE)
    target = MySQLTarget(server)
    target.key = key
    return target, server.run


def on_sqlite(
    _request: pytest.FixtureRequest, _stack: ExitStack, path: Path, key: str
) -> tuple[Any, Look]:
    def look(sql: str) -> list[Any]:
        with closing(sqlite3.connect(path)) as connection:
            found = connection.execute(sql).fetchall()
            connection.commit()
            return found

    look(TABLE)
    return File(path, key=key), look


@pytest.fixture
def pair(
    request: pytest.FixtureRequest, databases: tuple[tuple[Any, Any], tuple[Look, Look]]
) -> Iterator[Pair]:
    driver: str = request.node.callspec.params["databases"]
    asynchronous = driver in ASYNCHRONOUS
    with Pair(driver.partition(" ")[0], databases[0], asynchronous=asynchronous).open() as pair:
        yield pair


each_driver = pytest.mark.parametrize("databases", DRIVERS, indirect=True)


def add(engine: Engine, number: int) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO item (id) VALUES ({number})"))


def found(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.scalars(text(ITEMS)))


@each_driver
def test_a_session_for_both(pair: Pair) -> None:
    for _ in range(2):
        engines = pair.engines()
        binds = {ShopBase: engines[0], StatsBase: engines[1]}

        def body(engines: list[Engine] = engines, binds: Any = binds) -> None:
            with Session(binds=binds) as session:
                session.add_all([Order(id=1), Event(id=1), Event(id=2)])
                session.commit()
                session.add_all([Order(id=3), Event(id=3)])
                session.flush()
                session.rollback()
            assert [found(engine) for engine in engines] == [[1], [1, 2]]

        with pair.test():
            pair.run(body)
    assert pair.router.connections == (4 if pair.asynchronous else 2)


@each_driver
def test_a_rollback_in_one_does_not_undo_the_other(pair: Pair) -> None:
    first, second = pair.engines()

    def body() -> None:
        with first.connect() as one, second.connect() as other:
            one.execute(text("INSERT INTO item (id) VALUES (1)"))
            other.execute(text("INSERT INTO item (id) VALUES (2)"))
            # Under a sandbox of one connection, the one would be in the way of the other.
            one.rollback()
            other.commit()
        assert (found(first), found(second)) == ([], [2])

    with pair.test():
        pair.run(body)


@each_driver
def test_tasks_that_come_from_two_sides_do_not_wait_for_ever(pair: Pair) -> None:
    first, second = pair.engines()

    def one_way(begin: Engine, then: Engine, number: int) -> Callable[[], None]:
        def body() -> None:
            with begin.begin() as one, then.begin() as other:
                for connection in (one, other):
                    connection.execute(text(f"INSERT INTO item (id) VALUES ({number})"))

        return body

    ways = [(first, second), (second, first)] * 2
    with pair.test() as sandbox:
        pair.run(*(one_way(*way, number) for number, way in enumerate(ways)))
    assert sandbox.writes == 2 * len(ways)


@each_driver
def test_real_commits_reach_each_its_own(
    pair: Pair, databases: tuple[tuple[Any, Any], tuple[Look, Look]]
) -> None:
    first, second = pair.engines()

    def body() -> None:
        add(first, 1)
        add(second, 2)

    with pair.test(real=True):
        pair.run(body)
    pair.router.lose_connections(next(iter(pair.targets)))
    looks = databases[1]
    assert [[number for (number,) in look(ITEMS)] for look in looks] == [[1], [2]]
    for look in looks:
        look("DELETE FROM item")


@pytest.mark.parametrize("databases", ["sqlite+pysqlite", "postgresql+psycopg2"], indirect=True)
def test_without_the_name_both_are_one(
    request: pytest.FixtureRequest, databases: tuple[tuple[Any, Any], tuple[Look, Look]]
) -> None:
    driver: str = request.node.callspec.params["databases"]
    with Pair(driver, databases[0], asynchronous=False, named=False).open() as pair:
        first, second = pair.engines()
        with pair.test():
            add(first, 1)
            add(second, 2)
            assert found(first) == found(second) == [1, 2]
