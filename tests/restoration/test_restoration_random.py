"""Random tests commit what they like: nothing differs afterwards, or a new database is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tools.restorations import Restored

pytestmark = pytest.mark.server

KEYS = st.integers(1, 4)
CODES = st.sampled_from(["DE", "IS", "TV", "XX"])
TEXTS = st.sampled_from(["NULL", "''", "'a'", "'twice'", "'Germany'", "'%s {}'"])
TABLES = st.sampled_from(
    ["customer", "role", "country", "note", "line", "event", "animal", "dog", "audit", "scratch"]
)
SEQUENCES = st.sampled_from(["invoice", "countdown", "wheel", "pages", "customer_id_seq"])

WRITES = st.one_of(
    st.builds("INSERT INTO note VALUES ({})".format, TEXTS),
    st.builds("UPDATE note SET body = {} WHERE body IS NOT DISTINCT FROM {}".format, TEXTS, TEXTS),
    st.builds("DELETE FROM note WHERE body IS NOT DISTINCT FROM {}".format, TEXTS),
    st.builds(
        "INSERT INTO customer (country, role, name) VALUES ('{}', {}, '')".format, CODES, KEYS
    ),
    st.builds("INSERT INTO customer (id, name) VALUES ({}, 'n')".format, KEYS),
    st.builds("UPDATE customer SET id = {}, role = {}".format, KEYS, KEYS),
    st.builds('INSERT INTO "Odd {{ }}"."or""der, % s" (customer) VALUES ({})'.format, KEYS),
    st.builds("INSERT INTO line VALUES (DEFAULT, {})".format, st.one_of(KEYS, st.just("NULL"))),
    st.builds("INSERT INTO country VALUES ('{}', {})".format, CODES, TEXTS),
    st.builds("UPDATE country SET code = '{}', name = {}".format, CODES, TEXTS),
    st.builds("UPDATE country SET name = {} WHERE code = '{}'".format, TEXTS, CODES),
    st.builds("DELETE FROM country WHERE code = '{}'".format, CODES),
    st.builds("UPDATE role SET parent = {}, name = {} WHERE id = {}".format, KEYS, TEXTS, KEYS),
    st.builds("INSERT INTO role (name, parent) VALUES ({}, {})".format, TEXTS, KEYS),
    st.builds("DELETE FROM role WHERE id = {}".format, KEYS),
    st.builds("INSERT INTO event VALUES ('202{}-05-05', 'x')".format, st.integers(5, 6)),
    st.builds("UPDATE event SET at = at + {} * 100".format, KEYS),
    st.builds("DELETE FROM {}".format, TABLES),
    st.builds("TRUNCATE {} CASCADE".format, TABLES),
    st.builds("TRUNCATE {} RESTART IDENTITY CASCADE".format, TABLES),
    st.builds("SELECT nextval('{}')".format, SEQUENCES),
    st.builds("SELECT setval('{}', {}, {})".format, SEQUENCES, KEYS, st.booleans()),
    st.builds("ALTER SEQUENCE {} RESTART".format, SEQUENCES),
    st.just("SELECT lo_create(0)"),
    st.just("UPDATE big SET n = n WHERE n = 1"),
    st.just("CREATE TEMPORARY TABLE t (id serial PRIMARY KEY)"),
)
CHANGES = st.sampled_from(
    [
        "ALTER TABLE note ADD n int",
        "DROP TABLE scratch",
        "CREATE TABLE extra (n int)",
        "DROP TABLE IF EXISTS extra",
        "ALTER TABLE country DISABLE TRIGGER ALL",
        "ALTER SEQUENCE invoice INCREMENT 3",
        "COMMENT ON TABLE note IS 'x'",
    ]
)
TRANSACTIONS = st.lists(
    st.tuples(
        st.lists(st.one_of(WRITES, WRITES, WRITES, CHANGES), min_size=1, max_size=6), st.booleans()
    ),
    min_size=1,
    max_size=4,
)


@given(transactions=TRANSACTIONS)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_nothing_differs_after_any_test(
    lasting: Restored, transactions: list[tuple[list[str], bool]]
) -> None:
    connection = lasting.connect()
    for statements, commits in transactions:
        connection.execute("BEGIN")
        for statement in statements:
            try:
                with connection.transaction():
                    connection.execute(statement.encode())
            except psycopg.Error as error:
                note(f"{statement}: {error}")
            else:
                note(statement)
        connection.execute("COMMIT" if commits else "ROLLBACK")
    outcome = lasting.restoration.restore()
    note(f"{outcome}")
    if outcome.fresh:
        lasting.renew()
    assert lasting.difference() == []
    assert lasting.restoration.restore().fresh == ()
    lasting.hang_up()
