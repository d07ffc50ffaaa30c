"""The tables that the programs work on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

STATEMENTS = (
    "CREATE TABLE item (id int PRIMARY KEY, name text, amount int NOT NULL DEFAULT 0)",
    "INSERT INTO item VALUES (1, 'one', 10), (2, 'two', 20), (3, 'three', 30)",
    "CREATE SCHEMA other",
    "CREATE TABLE other.item (id int PRIMARY KEY, name text)",
    "INSERT INTO other.item VALUES (7, 'elsewhere')",
    "CREATE TABLE parent (id int PRIMARY KEY)",
    """CREATE TABLE child (
        id int PRIMARY KEY, parent_id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)""",
    """CREATE TABLE seat (
        id int PRIMARY KEY, place int NOT NULL UNIQUE DEFERRABLE INITIALLY IMMEDIATE)""",
    "INSERT INTO seat VALUES (1, 1), (2, 2)",
    "CREATE TABLE entry (id int PRIMARY KEY, amount int NOT NULL)",
    """CREATE FUNCTION check_balance() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF (SELECT sum(amount) FROM entry) <> 0 THEN RAISE EXCEPTION 'not balanced'; END IF;
        RETURN NULL; END $$""",
    """CREATE CONSTRAINT TRIGGER entry_balance AFTER INSERT OR UPDATE ON entry
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_balance()""",
    "CREATE TABLE sale (id int PRIMARY KEY)",
    "CREATE TABLE audit (sale_id int, at timestamptz)",
    """CREATE FUNCTION write_audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO audit VALUES (NEW.id, clock_timestamp()); RETURN NULL; END $$""",
    """CREATE CONSTRAINT TRIGGER sale_audit AFTER INSERT ON sale
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION write_audit()""",
    """CREATE TABLE note (
        id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        text text UNIQUE, written timestamptz NOT NULL DEFAULT now())""",
    "CREATE TABLE ticket (id serial PRIMARY KEY, text text UNIQUE)",
    "CREATE SEQUENCE numbers",
    "CREATE SEQUENCE cached_numbers CACHE 10",
    "CREATE TABLE job (id int PRIMARY KEY, state text NOT NULL DEFAULT 'new')",
    "INSERT INTO job VALUES (1), (2), (3)",
    "CREATE TABLE doctor (name text PRIMARY KEY, on_call bool NOT NULL)",
    "INSERT INTO doctor VALUES ('Ada', true), ('Bob', true)",
    "CREATE TYPE mood AS ENUM ('glad', 'sad')",
    # Roles belong to the whole server, where another database may have made it already.
    """DO $$ BEGIN CREATE ROLE fidelity_tenant;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$""",
    "CREATE TABLE secret (id int PRIMARY KEY, tenant text NOT NULL)",
    "INSERT INTO secret VALUES (1, 'red'), (2, 'blue'), (3, 'red')",
    "ALTER TABLE secret ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY own_rows ON secret USING (tenant = current_setting('app.tenant', true))",
    "GRANT SELECT, INSERT, UPDATE ON secret TO fidelity_tenant",
    (
        "CREATE PROCEDURE commit_in_the_middle() LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO sale VALUES (1); COMMIT; INSERT INTO sale VALUES (2); END $$"
    ),
)


def create(connection: Connection) -> None:
    """Create them; `oneloop_schema` names this function."""
    for statement in STATEMENTS:
        connection.exec_driver_sql(statement)
