"""The statement with which sequences start over when a test is rolled back."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import asyncpg
import psycopg
import psycopg2
import pytest

from pytest_oneloop.databases.postgresql import administer
from pytest_oneloop.databases.sequences import (
    Sequence,
    SequenceBaseline,
    read_sequences,
    restart_branches,
    restart_sql,
)
from tools.servers import conninfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.databases.address import ServerAddress

pytestmark = pytest.mark.server

VALUES = (
    "SELECT 1, last_value, is_called FROM customer_id_seq UNION ALL "
    "SELECT 2, last_value, is_called FROM invoice UNION ALL "
    "SELECT 3, last_value, is_called FROM countdown UNION ALL "
    "SELECT 4, last_value, is_called FROM wheel UNION ALL "
    "SELECT 5, last_value, is_called FROM pages ORDER BY 1"
)
START = [(1, 1, False), (2, 1010, True), (3, 100, False), (4, 1, False), (5, 1, False)]
ADVANCE = (
    "SELECT nextval('invoice'), nextval('countdown'), nextval('wheel'), nextval('pages'); "
    "INSERT INTO customer (name) VALUES ('a'), ('b')"
)


@pytest.fixture
def baseline(clone: ServerAddress) -> SequenceBaseline:
    return administer(clone, read_sequences, database=clone.database)


@pytest.fixture
def connection(clone: ServerAddress) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(conninfo(clone), autocommit=True) as connection:
        yield connection


def test_the_baseline(baseline: SequenceBaseline) -> None:
    found = {one.name: one for one in baseline.sequences}
    assert found["public.invoice"] == Sequence(
        found["public.invoice"].oid, "public.invoice", 1010, called=True
    )
    assert found["public.pages"].cached
    assert found['"Odd { }"."or""der, % s_id_seq"'].value == 1
    assert len(found) == 9
    assert baseline.fixed == ()
    assert SequenceBaseline.from_json(json.loads(json.dumps(baseline.to_json()))) == baseline


@pytest.mark.parametrize("older", [False, True], ids=["18", "before 18"])
def test_they_start_over_with_the_rollback(
    baseline: SequenceBaseline, connection: psycopg.Connection[Any], *, older: bool
) -> None:
    if older:
        baseline = replace(baseline, version=170000)
    connection.execute("BEGIN")
    connection.execute(ADVANCE.encode())
    connection.execute("ROLLBACK")
    advanced = connection.execute(VALUES.encode()).fetchall()
    assert [before for before, after in zip(START, advanced, strict=True) if before == after] == []
    connection.execute("BEGIN")
    connection.execute(f"ROLLBACK; {restart_sql(baseline)}; BEGIN".encode())
    assert connection.execute(VALUES.encode()).fetchall() == START
    # What this session had taken in advance of others is void as well.
    assert connection.execute("SELECT nextval('pages'), nextval('invoice')").fetchall() == [
        (1, 1015)
    ]


def test_it_is_one_message_for_every_driver(
    baseline: SequenceBaseline, clone: ServerAddress
) -> None:
    sql = f"ROLLBACK; {restart_sql(baseline)}; BEGIN; SAVEPOINT one"
    assert asyncio.run(by_asyncpg(clone, sql)) == START
    for connect in (psycopg.connect, psycopg2.connect):
        connection: Any = connect(conninfo(clone))
        connection.autocommit = True
        cursor = connection.cursor()
        for statement in ("BEGIN", ADVANCE, sql, VALUES):
            cursor.execute(statement)
        assert cursor.fetchall() == START
        connection.close()


async def by_asyncpg(clone: ServerAddress, sql: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(
        host=clone.host,
        port=clone.port,
        user=clone.user,
        password=clone.password,
        database=clone.database,
    )
    for statement in ("BEGIN", ADVANCE, sql):
        await connection.execute(statement)
    rows = [tuple(row) for row in await connection.fetch(VALUES)]
    await connection.close()
    return rows


@pytest.mark.parametrize(
    "change",
    [
        "ALTER SEQUENCE invoice RESTART WITH 5",
        "ALTER SEQUENCE invoice INCREMENT 100",
        "TRUNCATE customer RESTART IDENTITY CASCADE",
        "DROP TABLE customer CASCADE",
        "CREATE SEQUENCE mine; SELECT nextval('mine')",
        "SELECT setval('invoice', 5, false), setval('customer_id_seq', 77, false)",
        "SET LOCAL search_path = nowhere",
    ],
)
def test_what_a_test_did_to_sequences_is_rolled_back(
    baseline: SequenceBaseline, connection: psycopg.Connection[Any], change: str
) -> None:
    connection.execute(f"BEGIN; {ADVANCE}; {change}".encode())
    connection.execute(f"ROLLBACK; {restart_sql(baseline)}; BEGIN".encode())
    assert connection.execute(VALUES.encode()).fetchall() == START


def test_only_what_differs_is_set(
    baseline: SequenceBaseline, connection: psycopg.Connection[Any]
) -> None:
    sql = restart_sql(baseline).encode()
    assert connection.execute(sql).fetchall() == [(0,)]
    connection.execute("SELECT nextval('wheel'), setval('invoice', 7, false)")
    assert connection.execute(sql).fetchall() == [(2,)]
    assert connection.execute(sql).fetchall() == [(0,)]


def test_a_sequence_that_is_gone_is_passed_over(
    baseline: SequenceBaseline, connection: psycopg.Connection[Any]
) -> None:
    connection.execute("DROP SEQUENCE wheel")
    connection.execute("SELECT nextval('invoice')")
    assert connection.execute(restart_sql(baseline).encode()).fetchall() == [(1,)]


def test_sequences_that_the_role_may_not_set(
    clone: ServerAddress, connection: psycopg.Connection[Any]
) -> None:
    connection.execute("CREATE ROLE guest LOGIN PASSWORD 'weak'")
    try:
        connection.execute("GRANT ALL ON SEQUENCE wheel TO guest")
        connection.execute("GRANT USAGE, SELECT ON SEQUENCE invoice TO guest")
        guest = replace(clone, user="guest", password="weak")
        baseline = administer(guest, read_sequences, database=clone.database)
        assert "public.invoice" in baseline.fixed
        assert "public.pages" in baseline.fixed
        assert "public.wheel" not in baseline.fixed
        with psycopg.connect(conninfo(guest), autocommit=True) as weak:
            weak.execute("SELECT nextval('wheel'), nextval('invoice')")
            assert weak.execute(restart_sql(baseline).encode()).fetchall() == [(1,)]
    finally:
        connection.execute("DROP OWNED BY guest; DROP ROLE guest")


def test_no_sequences_no_statement() -> None:
    assert restart_sql(SequenceBaseline(180000)) == ""


@pytest.mark.parametrize("version", [170000, 180000])
def test_the_places_of_those_that_differ(
    baseline: SequenceBaseline, connection: psycopg.Connection[Any], version: int
) -> None:
    sql = restart_branches(replace(baseline, version=version)).encode()
    assert connection.execute(sql).fetchall() == []
    for statement in ADVANCE.split(";"):
        connection.execute(statement.encode())
    found = [baseline.sequences[place].name for (place,) in connection.execute(sql).fetchall()]
    names = ["audit_id_seq", "countdown", "customer_id_seq", "invoice", "pages", "wheel"]
    assert sorted(found) == [f"public.{name}" for name in names]
    # That of the cached one is for whoever can end what sessions have taken in advance.
    values = connection.execute(VALUES).fetchall()
    assert values[:4] == START[:4]
    assert values[4] != START[4]
    found = [baseline.sequences[place].name for (place,) in connection.execute(sql).fetchall()]
    assert found == ["public.pages"]
