"""The proxy asks on a client's own connection, and the client cannot tell."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import psycopg
import pytest

from pytest_oneloop.demo.proxy import CountingProxy
from pytest_oneloop.demo.run import RowsFound
from tools.servers import conninfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.databases.address import ServerAddress

pytestmark = pytest.mark.server


@pytest.fixture
def found() -> RowsFound:
    return RowsFound()


@pytest.fixture
def proxy(tcp_database: ServerAddress, found: RowsFound) -> Iterator[CountingProxy]:
    with psycopg.connect(conninfo(tcp_database)) as connection:
        connection.execute("CREATE TABLE users (id serial, email text)")
    with CountingProxy(tcp_database, question=found) as proxy:
        yield proxy


def sign_up(connection: psycopg.Connection, email: str) -> None:
    connection.execute("INSERT INTO users (email) VALUES (%s)", [email])


def test_rows_of_an_open_transaction_are_found(proxy: CountingProxy, found: RowsFound) -> None:
    with psycopg.connect(conninfo(proxy.address)) as connection:
        found.begin()
        sign_up(connection, "ada@example.com")
        assert found.most == 0
        sign_up(connection, "bob@example.com")
        found.begin()
        assert connection.execute("SELECT email FROM users").fetchall() == [
            ("ada@example.com",),
            ("bob@example.com",),
        ]
        assert found.most == 2


def test_rows_that_were_rolled_back_are_not_found(proxy: CountingProxy, found: RowsFound) -> None:
    with psycopg.connect(conninfo(proxy.address)) as connection:
        sign_up(connection, "ada@example.com")
        connection.rollback()
        found.begin()
        sign_up(connection, "eve@example.com")
        assert found.most == 0


def test_a_failed_transaction_is_not_asked(proxy: CountingProxy, found: RowsFound) -> None:
    with psycopg.connect(conninfo(proxy.address)) as connection:
        found.begin()
        with pytest.raises(psycopg.errors.DivisionByZero):
            connection.execute("SELECT 1/0")
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            sign_up(connection, "eve@example.com")
        connection.rollback()
        sign_up(connection, "eve@example.com")
        assert found.most == 0


async def ask_asyncpg(address: ServerAddress, found: RowsFound) -> list[object]:
    connection = await asyncpg.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        database=address.database,
    )
    try:
        await connection.execute("INSERT INTO users (email) VALUES ('ada@example.com')")
        statement = await connection.prepare("SELECT email FROM users WHERE id > $1")
        await statement.fetch(0)
        assert found.most == 0
        found.begin()
        return [row["email"] for row in await statement.fetch(0)]
    finally:
        await connection.close()


def test_a_prepared_statement_of_asyncpg_is_noticed(proxy: CountingProxy, found: RowsFound) -> None:
    assert asyncio.run(ask_asyncpg(proxy.address, found)) == ["ada@example.com"]
    assert found.most == 1


def test_the_question_is_not_counted(proxy: CountingProxy, found: RowsFound) -> None:
    with psycopg.connect(conninfo(proxy.address), autocommit=True) as connection:
        found.begin()
        mark = proxy.mark()
        sign_up(connection, "ada@example.com")
        assert proxy.since(mark).messages == 1
        assert {heard.database for heard in proxy.log(mark)} == {proxy.address.database}
