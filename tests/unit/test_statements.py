"""What a statement does, read off its text."""

from __future__ import annotations

import pytest

from pytest_oneloop.sandbox.entries import Effect
from pytest_oneloop.sandbox.statements import (
    Control,
    Query,
    Release,
    RollbackTo,
    Savepoint,
    prepares,
    read,
)

READS = [
    "SELECT 1",
    "select * from customers where name = 'x'",
    "  \n select 1",
    "/* a note */ SELECT 1",
    "-- a note\nSELECT 1",
    "(SELECT 1) UNION (SELECT 2)",
    "SELECT 'INSERT INTO t'",
    "SELECT 'it''s; DELETE'",
    "SELECT count(*), max(id) FROM t GROUP BY name HAVING count(*) > 1",
    "SELECT coalesce(sum(price), 0) FROM t",
    "SELECT json_build_object('a', 1)",
    "SELECT CAST(x AS VARCHAR(20)) FROM t WHERE id IN (1, 2)",
    "SELECT EXISTS (SELECT 1 FROM t)",
    "WITH c AS (SELECT 1) SELECT * FROM c",
    "VALUES (1), (2)",
    "TABLE t",
    "SHOW search_path",
    "EXPLAIN SELECT 1",
    "SELECT pg_catalog.pg_class.relname FROM pg_catalog.pg_class",
    "SELECT lower(email) FROM t ORDER BY row_number() OVER (PARTITION BY a)",
    "FETCH FORWARD 5 FROM c",
    "",
    ";",
    "-- nothing",
]

WRITES = [
    "INSERT INTO t VALUES (1)",
    "UPDATE t SET a = 1",
    "DELETE FROM t",
    "MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE",
    "SELECT * FROM t FOR UPDATE",
    "SELECT * FROM t FOR NO KEY UPDATE",
    "SELECT * FROM t FOR SHARE",
    "SELECT * FROM t FOR KEY SHARE SKIP LOCKED",
    "SELECT * INTO u FROM t",
    "SELECT nextval('t_id_seq')",
    "SELECT setval('t_id_seq', 1)",
    "SELECT pg_advisory_xact_lock(1)",
    "SELECT set_config('a.b', 'c', true)",
    "SELECT my_function(1)",
    "SELECT audit.log('x')",
    'SELECT "my_function"(1)',
    'SELECT public."My Function" (1)',
    "SELECT count(*), my_function() FROM t",
    "WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone",
    "WITH n AS (INSERT INTO t VALUES (1) RETURNING id) SELECT id FROM n",
    "EXPLAIN ANALYZE DELETE FROM t",
    "EXPLAIN (ANALYZE, BUFFERS) DELETE FROM t",
    "CREATE TABLE t ()",
    "ALTER TABLE t ADD COLUMN a int",
    "TRUNCATE t",
    "COPY t FROM STDIN",
    "CALL do_it()",
    "DO $$ BEGIN PERFORM 1; END $$",
    "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END",
    "SET LOCAL statement_timeout = 5",
    "LISTEN things",
    "NOTIFY things",
    "REFRESH MATERIALIZED VIEW v",
    "LOCK TABLE t",
    "SELECT 1; DELETE FROM t",
    "/* outer /* inner */ still a note */ DELETE FROM t",
    "an object of the driver",
]

CONTROLS = [
    ("BEGIN", "BEGIN"),
    ("begin;", "BEGIN"),
    ("START TRANSACTION READ ONLY", "START TRANSACTION"),
    ("start   transaction", "START TRANSACTION"),
    ("COMMIT", "COMMIT"),
    ("commit and chain", "COMMIT"),
    ("END", "END"),
    ("ROLLBACK", "ROLLBACK"),
    ("ABORT", "ABORT"),
    ("PREPARE TRANSACTION 'x'", "PREPARE TRANSACTION"),
    ("COMMIT PREPARED 'x'", "COMMIT"),
    ("-- note\n COMMIT", "COMMIT"),
    ("INSERT INTO t VALUES (1); COMMIT", "COMMIT"),
    ("INSERT INTO t VALUES (1); -- note\n COMMIT", "COMMIT"),
    ("SELECT 'a;b'; COMMIT", "COMMIT"),
    ("INSERT INTO t VALUES ('$'); COMMIT;", "COMMIT"),
    ("SAVEPOINT a; COMMIT", "COMMIT"),
]

NO_CONTROLS = [
    "SELECT '; COMMIT'",
    "SELECT 'it''s; COMMIT'",
    "SELECT E'it\\'s; COMMIT'",
    'SELECT "; COMMIT" FROM t',
    "SELECT $$; COMMIT$$",
    "SELECT $tag$; COMMIT$tag$",
    "SELECT 1 -- ; COMMIT",
    "SELECT 1 /* ; COMMIT */",
    "SELECT commit FROM t",
    "SELECT begin_date FROM t",
    "INSERT INTO rollback VALUES (1)",
]


@pytest.mark.parametrize("sql", READS)
def test_a_statement_that_shows_that_it_changes_nothing_is_a_read(sql: str) -> None:
    assert read(sql) == Query(Effect.READ)


@pytest.mark.parametrize("sql", WRITES)
def test_every_other_statement_is_a_write(sql: str) -> None:
    assert read(sql) == Query(Effect.WRITE)


@pytest.mark.parametrize(("sql", "command"), CONTROLS)
def test_text_that_begins_or_ends_a_transaction_is_found(sql: str, command: str) -> None:
    assert read(sql) == Control(command)


@pytest.mark.parametrize("sql", NO_CONTROLS)
def test_text_that_only_mentions_it_is_not(sql: str) -> None:
    assert isinstance(read(sql), Query)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SAVEPOINT sa_savepoint_1", Savepoint("sa_savepoint_1")),
        ("savepoint a ;", Savepoint("a")),
        ('SAVEPOINT "Mine ""own"""', Savepoint('"Mine ""own"""')),
        ("RELEASE SAVEPOINT a", Release("a")),
        ("release a", Release("a")),
        ("ROLLBACK TO SAVEPOINT a", RollbackTo("a")),
        ("ROLLBACK TO a", RollbackTo("a")),
        ("rollback transaction to savepoint a", RollbackTo("a")),
        ("ROLLBACK WORK TO a", RollbackTo("a")),
        ("/* x */ SAVEPOINT a", Savepoint("a")),
    ],
)
def test_savepoints_are_read_with_their_names(sql: str, expected: object) -> None:
    assert read(sql) == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("PREPARE p AS SELECT 1", True),
        ("/* x */ prepare p (int) AS SELECT $1", True),
        ("SELECT 1; PREPARE p AS SELECT 1", True),
        ("PREPARE transaction AS SELECT 1", True),
        ("PREPARE TRANSACTION 'x'", False),
        ("prepare transaction E'x'", False),
        ("COMMIT PREPARED 'x'", False),
        ("SELECT '; PREPARE p AS SELECT 1'", False),
        ("SELECT prepare FROM t", False),
    ],
)
def test_a_statement_that_prepares_another_is_found(sql: str, expected: object) -> None:
    assert prepares(sql) is expected
