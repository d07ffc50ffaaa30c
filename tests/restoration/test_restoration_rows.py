"""Rows, sequences and large objects come back, whatever was done to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.databases.restoration import Restoration

if TYPE_CHECKING:
    from tools.restorations import Restored

pytestmark = pytest.mark.server

ORDER = '"Odd { }"."or""der, % s"'


@pytest.mark.parametrize(
    ("statements", "written"),
    [
        pytest.param(
            ["INSERT INTO customer (name) VALUES ('a')"], {"customer", "audit"}, id="insert"
        ),
        pytest.param(
            [
                "INSERT INTO customer (id, name) VALUES (70, 'a')",
                f"INSERT INTO {ORDER} (customer) VALUES (70)",
            ],
            {"customer", "audit", ORDER},
            id="rows that refer to one another",
        ),
        pytest.param(
            ["INSERT INTO line (id) VALUES (1)", "INSERT INTO line (id, parent) VALUES (2, 1)"],
            {"line"},
            id="a row that restricts another",
        ),
        pytest.param(
            [
                "INSERT INTO customer (id, name) VALUES (1, 'a')",
                f"INSERT INTO {ORDER} (id, customer) VALUES (9, 1)",
                "DELETE FROM customer",
            ],
            {"audit"},
            id="a cascade, and only its trace is left",
        ),
        pytest.param(["UPDATE country SET name = 'x' WHERE code = 'DE'"], {"country"}, id="update"),
        pytest.param(
            [
                "DELETE FROM country WHERE code = 'DE'",
                "INSERT INTO country VALUES ('DE', 'Germany')",
            ],
            {"country"},
            id="delete, and insert nearly the same",
        ),
        pytest.param(["DELETE FROM note WHERE body = 'twice'"], {"note"}, id="delete equal rows"),
        pytest.param(
            ["INSERT INTO note VALUES ('twice'), (NULL)"], {"note"}, id="insert equal rows"
        ),
        pytest.param(
            ["UPDATE role SET rate = 1, raw = 'x', tags = '{z}', extra = '{}', since = now()"],
            {"role"},
            id="all types",
        ),
        pytest.param(
            ["UPDATE role SET parent = NULL", "DELETE FROM role"], {"role"}, id="delete all"
        ),
        pytest.param(
            [
                "UPDATE country SET name = 'x' WHERE code = 'IS'",
                "UPDATE country SET name = 'Iceland' WHERE code = 'DE'",
            ],
            {"country"},
            id="a unique value that moved to another row",
        ),
        pytest.param(
            [
                "INSERT INTO customer (country, role, name) VALUES ('DE', 1, 'a')",
                "DELETE FROM role WHERE id = 3",
            ],
            {"customer", "audit", "role"},
            id="new rows that refer to rows of the template",
        ),
        pytest.param(
            ["INSERT INTO event VALUES ('2025-02-03', 'a'), ('2026-02-03', 'b')"],
            {"event_2025", "event_2026"},
            id="partitions",
        ),
        pytest.param(
            ["UPDATE animal SET name = 'x'", "INSERT INTO dog VALUES ('Fido')"],
            {"animal", "dog"},
            id="inheritance",
        ),
        pytest.param(["INSERT INTO scratch VALUES (1)"], {"scratch"}, id="an unlogged table"),
        pytest.param(["TRUNCATE country CASCADE"], {"country"}, id="truncate"),
        pytest.param(
            ["TRUNCATE role RESTART IDENTITY CASCADE", "INSERT INTO role (name) VALUES ('a')"],
            {"role"},
            id="truncate, restart and insert",
        ),
        pytest.param(
            [
                "INSERT INTO customer (name) VALUES ('a')",
                "INSERT INTO audit VALUES (5, 'x')",
                "SELECT lo_from_bytea(0, 'abc')",
                "UPDATE dog SET barks = false",
                "SELECT nextval('invoice')",
            ],
            {"customer", "audit", "dog"},
            id="all at once",
        ),
    ],
)
def test_rows_come_back(lasting: Restored, statements: list[str], written: set[str]) -> None:
    outcome = lasting.undone(*statements)
    assert {name.removeprefix("public.") for name in outcome.written} == written


@pytest.mark.parametrize(
    "statements",
    [
        ["SELECT nextval('invoice')"],
        ["SELECT setval('invoice', 7000)"],
        ["SELECT setval('invoice', 7000, false)"],
        ["SELECT setval('customer_id_seq', 42, false)"],
        ["SELECT nextval('countdown'), nextval('countdown')"],
        ["SELECT nextval('wheel') FROM generate_series(1, 5)"],
        ["SELECT nextval('pages')"],
        ["ALTER SEQUENCE invoice RESTART WITH 77"],
        ["ALTER SEQUENCE pages RESTART"] + ["SELECT nextval('pages')"] * 3,
        ["SELECT nextval('invoice')", "SELECT setval('invoice', 1010, false)"],
    ],
    ids=lambda statements: statements[0],
)
def test_sequences_start_over(lasting: Restored, statements: list[str]) -> None:
    assert lasting.undone(*statements).written == ()


def test_values_that_a_session_took_in_advance_are_void(lasting: Restored) -> None:
    connection = lasting.connect()
    for _ in range(2):
        assert connection.execute("SELECT nextval('pages'), nextval('pages')").fetchall() == [
            (1, 2)
        ]
        lasting.put_back()
    lasting.hang_up()


def test_large_objects_go(lasting: Restored) -> None:
    lasting.undone("SELECT lo_from_bytea(0, 'abc')", "SELECT lo_create(0)")


def test_a_test_that_wrote_nothing(lasting: Restored) -> None:
    lasting.commit("SELECT * FROM role", "SELECT 1 FROM country FOR UPDATE")
    outcome = lasting.restoration.restore()
    assert (outcome.fresh, outcome.written, outcome.ended) == ((), (), ())


def test_what_was_put_back_is_as_good_as_the_templates_own(lasting: Restored) -> None:
    for _ in range(3):
        outcome = lasting.undone("UPDATE country SET name = name || '!'", "DELETE FROM note")
        assert sorted(outcome.written) == ["public.country", "public.note"]
        assert lasting.restoration.restore().written == ()


def test_a_table_with_too_many_rows_to_keep(restored: Restored) -> None:
    restored.commit("UPDATE big SET n = 9999 WHERE n = 1")
    outcome = restored.restoration.restore()
    assert outcome.fresh == ("rows of public.big were changed, which are not kept",)
    assert restored.restoration.restore().fresh == outcome.fresh


def test_what_many_rows_leave_behind_is_vacuumed(restored: Restored) -> None:
    restored.undone("INSERT INTO line SELECT generate_series(1, 40000)")
    connection = restored.connect()
    assert connection.execute("SELECT pg_relation_size('line')").fetchall() == [(0,)]


def test_a_baseline_comes_first(restored: Restored) -> None:
    with pytest.raises(RuntimeError, match=r"prepare\(\)"):
        Restoration(restored.address, restored.address.database).restore()
