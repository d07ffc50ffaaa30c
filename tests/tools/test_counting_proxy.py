"""The proxy counts exactly what real drivers say."""

from __future__ import annotations

import asyncio
import io
import socket
import threading
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import asyncpg
import psycopg
import psycopg2
import pytest

from pytest_oneloop.demo.wire import WireError
from tools.counting_proxy import CountingProxy, Traffic
from tools.servers import conninfo

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from pytest_oneloop.databases.address import ServerAddress


@pytest.fixture
def proxy(tcp_database: ServerAddress) -> Iterator[CountingProxy]:
    with CountingProxy(tcp_database) as proxy:
        yield proxy


def asyncpg_traffic(
    proxy: CountingProxy,
    work: Callable[[Any], Awaitable[object]],
    *,
    before: Callable[[Any], Awaitable[object]] | None = None,
) -> Traffic:
    """Return what `work` cost on a connection that `before` has prepared."""

    async def main() -> Traffic:
        address = proxy.address
        connection = await asyncpg.connect(
            host=address.host,
            port=address.port,
            user=address.user,
            password=address.password,
            database=address.database,
        )
        try:
            if before is not None:
                await before(connection)
            mark = proxy.mark()
            await work(connection)
            return proxy.since(mark)
        finally:
            await connection.close()

    return asyncio.run(main())


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def test_logging_in_is_a_connection_and_no_message(proxy: CountingProxy) -> None:
    async def nothing(_: Any) -> None:
        pass

    asyncpg_traffic(proxy, nothing)
    assert eventually(lambda: proxy.since().by_type["X"] == 1)
    # Two 'p': the two steps of SCRAM.
    assert proxy.since() == Traffic(
        messages=0,
        sql=[],
        parsed=[],
        connections=1,
        by_type=Counter({"SSLRequest": 1, "Startup": 1, "p": 2, "X": 1}),
        by_connection=Counter(),
    )


def test_asyncpg_begin_select_commit(proxy: CountingProxy) -> None:
    async def work(connection: Any) -> None:
        await connection.execute("BEGIN")
        assert await connection.fetchval("SELECT $1::int", 7) == 7
        await connection.execute("COMMIT")

    # Preparing ends in a Flush, running in a Sync: asyncpg waits for both.
    assert asyncpg_traffic(proxy, work) == Traffic(
        messages=4,
        sql=["BEGIN", "SELECT $1::int", "COMMIT"],
        parsed=["SELECT $1::int"],
        connections=0,
        by_type=Counter({"Q": 2, "P": 1, "D": 1, "H": 1, "B": 1, "E": 1, "S": 1}),
        by_connection=Counter({1: 4}),
    )


def test_asyncpg_runs_a_cached_statement_by_its_name(proxy: CountingProxy) -> None:
    async def select(connection: Any) -> None:
        assert await connection.fetchval("SELECT $1::int", 7) == 7

    traffic = asyncpg_traffic(proxy, select, before=select)
    assert traffic.messages == 1
    assert traffic.sql == ["SELECT $1::int"]
    assert traffic.parsed == []
    assert traffic.by_type == Counter({"B": 1, "E": 1, "S": 1})


def test_several_statements_in_one_query_are_one_message(proxy: CountingProxy) -> None:
    async def work(connection: Any) -> None:
        await connection.execute("BEGIN; SELECT 1; ROLLBACK")

    traffic = asyncpg_traffic(proxy, work)
    assert traffic.messages == 1
    assert traffic.sql == ["BEGIN; SELECT 1; ROLLBACK"]


def test_a_refused_statement_counts(proxy: CountingProxy) -> None:
    async def work(connection: Any) -> None:
        with pytest.raises(asyncpg.UndefinedColumnError):
            await connection.fetch("SELECT missing")

    # The Sync that gets the connection out of its error is a message as well.
    traffic = asyncpg_traffic(proxy, work)
    assert (traffic.messages, traffic.sql, traffic.parsed) == (2, [], ["SELECT missing"])


def test_asyncpg_copy(proxy: CountingProxy) -> None:
    async def create(connection: Any) -> None:
        await connection.execute("CREATE TEMP TABLE t (n int)")

    async def copy(connection: Any) -> None:
        await connection.copy_records_to_table("t", records=[(n,) for n in range(1000)])

    traffic = asyncpg_traffic(proxy, copy, before=create)
    # asyncpg asks for the column types, sends COPY, and then the data up to its end.
    assert traffic.messages == 3
    assert traffic.parsed == ['SELECT * FROM "t" LIMIT 1']
    assert traffic.sql == ['COPY "t" FROM STDIN (FORMAT binary) ']
    assert traffic.by_type["c"] == 1
    assert traffic.by_type["d"] >= 1


def test_psycopg(proxy: CountingProxy) -> None:
    with psycopg.connect(conninfo(proxy.address)) as connection:
        mark = proxy.mark()
        connection.execute("SELECT %s::int", [7])
        connection.commit()
        assert proxy.since(mark) == Traffic(
            messages=3,
            sql=["BEGIN", "SELECT $1::int", "COMMIT"],
            parsed=["SELECT $1::int"],
            connections=0,
            by_type=Counter({"Q": 2, "P": 1, "B": 1, "D": 1, "E": 1, "S": 1}),
            by_connection=Counter({1: 3}),
        )


def test_psycopg_reuses_a_prepared_statement(proxy: CountingProxy) -> None:
    with psycopg.connect(conninfo(proxy.address), autocommit=True) as connection:
        connection.execute("SELECT %s::int", [7], prepare=True)
        mark = proxy.mark()
        connection.execute("SELECT %s::int", [7])
        traffic = proxy.since(mark)
    assert (traffic.messages, traffic.sql, traffic.parsed) == (1, ["SELECT $1::int"], [])


def test_psycopg_copy(proxy: CountingProxy) -> None:
    with psycopg.connect(conninfo(proxy.address), autocommit=True) as connection:
        connection.execute("CREATE TEMP TABLE t (n int)")
        mark = proxy.mark()
        with connection.cursor().copy("COPY t FROM STDIN") as copy:
            copy.write_row((1,))
        traffic = proxy.since(mark)
    assert (traffic.messages, traffic.sql) == (2, ["COPY t FROM STDIN"])


def test_psycopg2(proxy: CountingProxy) -> None:
    connection = psycopg2.connect(conninfo(proxy.address))
    try:
        mark = proxy.mark()
        cursor = connection.cursor()
        cursor.execute("SELECT %s; SELECT 2", [1])
        connection.commit()
        assert proxy.since(mark).sql == ["BEGIN", "SELECT 1; SELECT 2", "COMMIT"]
        assert proxy.since(mark).messages == 3
        cursor.execute("CREATE TEMP TABLE t (n int)")
        mark = proxy.mark()
        cursor.copy_expert("COPY t FROM STDIN", io.StringIO("1\n2\n"))
        assert proxy.since(mark).messages == 2
    finally:
        connection.close()


def test_connections_are_told_apart(proxy: CountingProxy) -> None:
    with (
        psycopg.connect(conninfo(proxy.address), autocommit=True) as one,
        psycopg.connect(conninfo(proxy.address), autocommit=True) as two,
    ):
        assert proxy.open_connections == 2
        for connection in (one, two, two):
            connection.execute("SELECT 1")
    assert proxy.since().by_connection == Counter({1: 1, 2: 2})
    assert proxy.since().connections == 2
    assert eventually(lambda: proxy.open_connections == 0)


def test_a_client_that_is_killed_leaves_no_connection(proxy: CountingProxy) -> None:
    async def work(connection: Any) -> None:
        connection.terminate()

    asyncpg_traffic(proxy, work)
    assert eventually(lambda: proxy.open_connections == 0)


def test_the_end_of_the_block_closes_what_is_open(tcp_database: ServerAddress) -> None:
    with CountingProxy(tcp_database) as proxy:
        connection = psycopg.connect(conninfo(proxy.address), autocommit=True)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    connection.close()
    assert "counting-proxy" not in {thread.name for thread in threading.enumerate()}
    with socket.socket() as probe:
        assert probe.connect_ex((proxy.address.host, proxy.address.port)) != 0


def test_a_server_that_is_down_is_an_error_of_the_proxy(tcp_database: ServerAddress) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        down = replace(tcp_database, port=closed.getsockname()[1])

    def connect() -> None:
        with CountingProxy(down) as proxy:
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(conninfo(proxy.address))
            assert eventually(lambda: proxy.open_connections == 0)

    with pytest.raises(BaseExceptionGroup) as caught:
        connect()
    assert caught.group_contains(ConnectionRefusedError)


def test_a_client_of_another_protocol_is_an_error_of_the_proxy(
    tcp_database: ServerAddress,
) -> None:
    def speak_http() -> None:
        with CountingProxy(tcp_database) as proxy:
            with socket.create_connection((proxy.address.host, proxy.address.port), 10) as client:
                client.sendall(b"\0\0\0\x10GET / HTTP/1.1\r\n\r\n")
                assert client.recv(1) == b""
            assert eventually(lambda: proxy.open_connections == 0)

    with pytest.raises(BaseExceptionGroup) as caught:
        speak_http()
    assert caught.group_contains(WireError)
