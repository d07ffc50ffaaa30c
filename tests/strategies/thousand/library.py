"""A small schema with all that a test can leave behind: sequences, cascades, triggers, seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

if TYPE_CHECKING:
    from sqlalchemy import Connection

engine = create_async_engine("postgresql+asyncpg://nobody:wrong@database.invalid/none")
new_session = async_sessionmaker(engine)

_SCHEMA = """
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TABLE author (id serial PRIMARY KEY, name text UNIQUE, mood mood);
CREATE TABLE book (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  author int REFERENCES author ON DELETE CASCADE, title text);
CREATE TABLE loan (book int REFERENCES book ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE note (body text);
CREATE TABLE audit (id bigserial, what text);
CREATE SEQUENCE ticket START 100 INCREMENT 5;
CREATE VIEW shelf AS SELECT name, title FROM author JOIN book ON book.author = author.id;
CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO audit (what) VALUES (TG_OP || ' ' || TG_TABLE_NAME); RETURN NULL; END $$;
CREATE TRIGGER noted AFTER INSERT OR UPDATE OR DELETE ON book
  FOR EACH ROW EXECUTE FUNCTION note_it();
INSERT INTO author (name, mood) VALUES ('Ada', 'glad'), ('Bo', 'sad'), ('Cy', NULL);
INSERT INTO book (author, title) VALUES (1, 'one'), (1, 'two'), (2, 'three');
INSERT INTO loan VALUES (1), (3);
INSERT INTO note VALUES ('twice'), ('twice'), (NULL);
"""


def create(connection: Connection) -> None:
    """Make the tables, and the rows that a migration would have brought."""
    connection.exec_driver_sql("DO $do$ BEGIN " + _SCHEMA + " END $do$")
