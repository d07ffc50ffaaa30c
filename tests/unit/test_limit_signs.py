"""What is noticed of a statement that stands alone, or that names a table in a literal."""

from __future__ import annotations

import pytest

from pytest_oneloop.sandbox.limits import Watch


def watched(*statements: tuple[str, str], alone: bool = False) -> list[str]:
    """Return the limits that statements meet, each with its connection."""
    watch = Watch()
    for owner, sql in statements:
        watch.statement(
            owner, sql, alone=alone, writes=True, local=False, isolated=False, related={}
        )
    return [limit.reason for limit in watch.met]


@pytest.mark.parametrize(
    "sql",
    [
        "SAVEPOINT s",
        " release savepoint s",
        "ROLLBACK TO SAVEPOINT s",
        "SET LOCAL work_mem = '8MB'",
        "LOCK orders",
    ],
)
def test_what_needs_a_transaction_is_noticed_where_there_is_none(sql: str) -> None:
    needs_one = ["a statement needs a transaction, and AUTOCOMMIT gives it none"]

    assert watched(("a", sql), alone=True) == needs_one
    assert watched(("a", sql)) == []


def test_a_table_is_known_by_its_name_in_a_literal() -> None:
    made, asked = "CREATE TABLE orders (id int)", "SELECT to_regclass('orders')"

    assert watched(("a", made), ("b", asked)) == [
        "two open transactions use the same table: orders"
    ]
    assert watched(("a", made), ("a", asked)) == []
    assert watched(("a", made), ("b", "SELECT 'these orders'")) == []
