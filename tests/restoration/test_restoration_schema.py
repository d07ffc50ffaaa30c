"""A changed schema is noticed, and what changes nothing is not taken for a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.databases.restoration import Restoration

if TYPE_CHECKING:
    from tools.restorations import Restored

pytestmark = pytest.mark.server


SET_FOR_DATABASE = (
    "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET jit = off', current_database()); END $$"
)
SET_FOR_ROLE = (
    "DO $$ BEGIN EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET jit = off', "
    "current_database()); END $$"
)
COMMENT_ON_DATABASE = (
    "DO $$ BEGIN EXECUTE format('COMMENT ON DATABASE %I IS $q$x$q$', current_database()); END $$"
)
SUBSCRIBE = "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (connect = false)"


@pytest.mark.parametrize(
    ("statements", "reason"),
    [
        (["CREATE TABLE extra (id serial)"], "new: table extra"),
        (["DROP TABLE note"], "dropped: table note"),
        (["ALTER TABLE note ADD n int"], "new or changed: column n of table note"),
        (["ALTER TABLE note RENAME TO remark"], "changed: table remark"),
        (["ALTER TABLE note ALTER body SET DEFAULT 'x'"], "column body of table note"),
        (["CREATE INDEX ON note (body)"], "index note_body_idx"),
        (["CLUSTER role USING role_pkey"], "pg_index"),
        (["ALTER TYPE mood ADD VALUE 'so-so'"], "pg_enum"),
        (["CREATE TYPE size AS ENUM ('s')"], "new: type size"),
        (["ALTER DOMAIN amount DROP CONSTRAINT amount_check"], "dropped: constraint amount_check"),
        (
            ["CREATE FUNCTION f() RETURNS int RETURN 1"],
            "new: function f()",
        ),
        (
            ["ALTER FUNCTION note_it() SECURITY DEFINER"],
            "changed: function note_it()",
        ),
        (["DROP TRIGGER noted ON customer"], "dropped: trigger noted on table customer"),
        (["ALTER TABLE customer DISABLE TRIGGER noted"], "changed: trigger noted"),
        (["CREATE EXTENSION pg_trgm"], "new: extension pg_trgm"),
        (["CREATE SCHEMA other"], "new: schema other"),
        (["CREATE OR REPLACE VIEW debtor AS SELECT name FROM customer"], "debtor"),
        (["CREATE POLICY p ON note"], "new: policy p on table note"),
        (["ALTER TABLE note ENABLE ROW LEVEL SECURITY"], "changed: table note"),
        (["GRANT SELECT ON note TO PUBLIC"], "changed: table note"),
        (["REVOKE USAGE ON SCHEMA public FROM PUBLIC"], "changed: schema public"),
        (["ALTER TABLE note OWNER TO pg_monitor"], "changed: table note"),
        (["ALTER SEQUENCE invoice INCREMENT 7"], "pg_sequence"),
        (["ALTER SEQUENCE invoice OWNED BY note.body"], "pg_depend"),
        (["COMMENT ON TABLE note IS 'x'"], "pg_description"),
        (["ALTER TABLE customer DROP CONSTRAINT customer_country_fkey"], "dropped: constraint"),
        (["CREATE STATISTICS s ON what, at FROM event"], "statistics object s"),
        (["CREATE PUBLICATION p FOR TABLE note"], "publication p"),
        (["ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC"], "default privileges"),
        (["REVOKE EXECUTE ON FUNCTION pg_sleep FROM PUBLIC"], "pg_proc"),
        (["CREATE MATERIALIZED VIEW m AS SELECT 1"], "new: materialized view m"),
        ([SET_FOR_DATABASE], "pg_db_role_setting"),
        ([SET_FOR_ROLE], "pg_db_role_setting"),
        ([COMMENT_ON_DATABASE], "pg_shdescription"),
        ([SUBSCRIBE], "subscription s"),
    ],
    ids=lambda value: value[0][:50] if isinstance(value, list) else "",
)
def test_a_changed_schema_is_noticed(lasting: Restored, statements: list[str], reason: str) -> None:
    try:
        lasting.commit(*statements)
        outcome = lasting.restoration.restore()
        assert reason in " · ".join(outcome.fresh)
    finally:
        lasting.renew()
    assert lasting.restoration.restore().fresh == ()


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TEMPORARY TABLE t (id serial PRIMARY KEY, n int DEFAULT 5 CHECK (n > 0))"],
        ["CREATE TEMPORARY TABLE t (n int) ON COMMIT DROP"],
        ["CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'"],
        ["TRUNCATE note, customer CASCADE"],
        ["TRUNCATE customer RESTART IDENTITY CASCADE"],
        ["REINDEX TABLE role"],
        ["ANALYZE"],
        ["VACUUM FULL country"],
    ],
    ids=lambda statements: statements[0][:40],
)
def test_what_changes_nothing_is_no_change(lasting: Restored, statements: list[str]) -> None:
    connection = lasting.connect()
    for statement in statements:
        connection.execute(statement.encode())
    assert lasting.restoration.restore().fresh == ()
    lasting.hang_up()
    assert lasting.restoration.restore().fresh == ()
    assert lasting.difference() == []


def test_a_database_that_was_replaced_has_the_same_baseline(lasting: Restored) -> None:
    lasting.commit("DROP TABLE note", "INSERT INTO customer (name) VALUES ('a')")
    assert lasting.restoration.restore().fresh != ()
    lasting.renew()
    lasting.undone("UPDATE country SET name = 'x' || code", "INSERT INTO line DEFAULT VALUES")


def test_a_materialized_view_that_was_refreshed(restored: Restored) -> None:
    restored.commit("CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS n FROM customer")
    other = Restoration(restored.address, restored.address.database)
    other.prepare()
    restored.commit("REFRESH MATERIALIZED VIEW totals")
    assert other.restore().fresh == ("rows of public.totals were changed, which are not kept",)
    other.close()


def test_large_objects_of_the_template(restored: Restored) -> None:
    restored.commit("SELECT lo_from_bytea(4711, 'abc'), lo_from_bytea(4712, 'def')")
    other = Restoration(restored.address, restored.address.database)
    other.prepare()
    restored.commit("SELECT lo_from_bytea(0, 'new')")
    assert other.restore().fresh == ()
    connection = restored.connect()
    query = "SELECT oid::int8, lo_get(oid) FROM pg_largeobject_metadata ORDER BY 1"
    assert connection.execute(query).fetchall() == [(4711, b"abc"), (4712, b"def")]
    restored.commit("SELECT lo_put(4711, 1, 'x')")
    assert other.restore().fresh == ("large objects of the template were changed",)
    other.close()
