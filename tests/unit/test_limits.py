"""What the sandbox notices of what it cannot show."""

from __future__ import annotations

import pytest

from pytest_oneloop.errors.sandbox import (
    ConnectionLostError,
    InterleavedTransactionsError,
    SplitTransactionError,
    TransactionControlError,
    TurnTimeoutError,
    UnroutedEngineError,
)
from pytest_oneloop.sandbox.limits import Limit, Watch, sqlstate_of

CHANGE = "INSERT INTO orders VALUES (1)"


RELATED = {"lines": frozenset({"orders"}), "orders": frozenset({"lines"})}


def send(watch: Watch, owner: object, sql: str, **facts: bool) -> None:
    known = {"alone": False, "writes": False, "local": False, "isolated": False} | facts
    watch.statement(owner, sql, **known, related=RELATED)


def met(*statements: tuple[object, str]) -> list[str]:
    watch = Watch()
    for owner, sql in statements:
        send(watch, owner, sql)
    return [limit.reason for limit in watch.met]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("LISTEN news", "LISTEN and NOTIFY need commits"),
        ("SELECT pg_notify('news', 'x')", "LISTEN and NOTIFY need commits"),
        ("SELECT pg_try_advisory_lock(1)", "advisory locks need connections of their own"),
        ("SELECT pg_backend_pid()", "a statement asks for the server's sessions"),
        ("SELECT xmin FROM orders", "a statement asks for ids of transactions"),
        ("SELECT currval('s')", "currval and lastval belong to one connection"),
        ("CREATE TEMP TABLE t (id int)", "temporary tables belong to one connection"),
        ("SET TRANSACTION READ ONLY", "SET TRANSACTION and the like need a real transaction"),
        ("DECLARE c CURSOR FOR SELECT 1", "a cursor (DECLARE) ends with its transaction"),
        ("PREPARE TRANSACTION 'x'", "what PREPARE makes outlives its transaction"),
    ],
)
def test_signs_in_a_statement(sql: str, reason: str) -> None:
    assert reason in met(("a", sql))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'LISTEN news'",
        "SELECT 1 -- pg_notify",
        "SELECT listener FROM listen",
        "INSERT INTO notify_log VALUES ('NOTIFY')",
        "SELECT id FROM prepared",
    ],
)
def test_no_signs_in_what_only_sounds_alike(sql: str) -> None:
    assert met(("a", sql)) == []


@pytest.mark.parametrize(
    "change",
    [
        CHANGE,
        'UPDATE "orders" SET paid = true',
        "DELETE FROM ONLY public.orders",
        "TRUNCATE orders",
        "SELECT id FROM orders FOR UPDATE SKIP LOCKED",
        "SELECT id FROM orders o FOR NO KEY UPDATE OF o",
        "WITH old AS (DELETE FROM orders RETURNING id) SELECT id FROM old",
    ],
)
def test_two_open_transactions_meet_at_a_table(change: str) -> None:
    look = "SELECT count(*) FROM orders"
    assert met(("a", change), ("b", look)) == ["two open transactions use the same table: orders"]
    assert met(("a", change), ("a", look)) == []
    assert met(("a", change), ("b", "SELECT count(*) FROM customers")) == []


def test_the_word_after_for_update_is_no_table() -> None:
    lock = "SELECT id FROM orders FOR UPDATE SKIP LOCKED"
    assert met(("a", lock), ("b", "SELECT id FROM jobs FOR UPDATE SKIP LOCKED")) == []
    upsert = "INSERT INTO {} VALUES (1) ON CONFLICT (id) DO UPDATE SET id = 2"
    assert met(("a", upsert.format("one")), ("b", upsert.format("two"))) == []


def test_a_transaction_that_has_ended_meets_nobody() -> None:
    watch = Watch()
    send(watch, "a", CHANGE, writes=True, local=True, isolated=True)
    watch.ended("a")
    send(watch, "b", CHANGE, writes=True)
    assert watch.met == []


def test_beside_an_isolated_transaction_nobody_writes() -> None:
    watch = Watch()
    send(watch, "a", "SELECT 1", isolated=True)
    send(watch, "a", CHANGE, writes=True, isolated=True)
    send(watch, "b", "SELECT 1")
    assert watch.met == []
    send(watch, "b", "INSERT INTO logs VALUES (1)", writes=True)
    assert watch.met == [Limit("others write beside a REPEATABLE READ or SERIALIZABLE transaction")]


def test_a_setting_of_one_transaction_beside_another() -> None:
    watch = Watch()
    send(watch, "a", "SET LOCAL role = x", local=True)
    send(watch, "a", "SELECT 1")
    assert watch.met == []
    send(watch, "b", "SELECT 1")
    assert watch.met == [Limit("SET LOCAL on one connection, and then a statement on another")]


def test_each_is_noted_once() -> None:
    assert met(*[("a", "NOTIFY x")] * 3) == ["LISTEN and NOTIFY need commits"]


@pytest.mark.parametrize(
    ("sqlstate", "strategy"),
    [("25001", "clone"), ("2D000", "commit"), ("55P04", "clone"), ("23505", None), (None, None)],
)
def test_what_the_server_refuses(sqlstate: object, strategy: str | None) -> None:
    watch = Watch()
    watch.refused(sqlstate)
    assert [limit.strategy for limit in watch.met] == ([] if strategy is None else [strategy])


def test_what_the_sandbox_refuses() -> None:
    watch = Watch()
    watch.failed(UnroutedEngineError(driver="x"))
    assert watch.met == []
    watch.failed(InterleavedTransactionsError(test="t", place="p", others=()))
    watch.failed(SplitTransactionError(test="t", first="a", second="b"))
    watch.failed(TransactionControlError(test="t", command="COMMIT", place="p"))
    watch.failed(ConnectionLostError(test="t", cause="c"))
    watch.failed(TurnTimeoutError(test="t", seconds=1, place="p"))
    assert [limit.reason for limit in watch.met] == [
        "a transaction is rolled back while a later one is open",
        "two drivers, or two event loops, on one database",
        "transactions are ended by SQL text, or in two phases",
        "a connection ends within the test",
        "one statement waits too long for another to end",
    ]


def test_drivers_name_the_code_of_an_error_differently() -> None:
    class One(Exception):  # noqa: N818 - as drivers name theirs
        sqlstate = "25001"

    class Other(Exception):  # noqa: N818
        pgcode = "25001"

    assert sqlstate_of(One()) == sqlstate_of(Other()) == "25001"
    assert sqlstate_of(ValueError()) is None


def test_what_a_foreign_key_leads_to_is_looked_at() -> None:
    reason = "two open transactions use the same table: orders"
    assert met(("a", "INSERT INTO orders VALUES (1)"), ("b", "INSERT INTO lines VALUES (1)")) == [
        reason
    ]
    assert met(("a", "INSERT INTO orders VALUES (1)"), ("b", "SELECT 1 FROM lines")) == []
    assert met(("a", "INSERT INTO lines VALUES (1)"), ("b", "DELETE FROM orders")) == [
        "two open transactions use the same table: lines"
    ]
