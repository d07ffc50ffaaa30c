"""Tests at random: what they do, and under which strategy."""

from __future__ import annotations

import asyncio
import os
import random
from typing import TYPE_CHECKING, Final

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from library import engine, new_session

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBER: Final = int(os.environ["RANDOM_TESTS"])
STRATEGIES: Final = ("auto", "rollback", "commit", "clone")

ANYWHERE: Final = (
    "INSERT INTO author (name) VALUES ('Di'), ('Ed')",
    "INSERT INTO author VALUES (40, 'Flo', 'sad')",
    "INSERT INTO book (author, title) SELECT id, name FROM author",
    "INSERT INTO loan SELECT id FROM book",
    "UPDATE author SET name = name || '!', mood = 'glad'",
    "UPDATE note SET body = 'changed' WHERE body = 'twice'",
    "UPDATE book SET title = NULL WHERE id = 2",
    "DELETE FROM author WHERE id <= 2",
    "DELETE FROM note",
    "DELETE FROM loan",
    "SELECT nextval('ticket')",
    "SELECT setval('ticket', 900)",
    "SELECT lo_create(0)",
    "TRUNCATE note",
    "TRUNCATE author RESTART IDENTITY CASCADE",
    "CREATE TABLE IF NOT EXISTS extra (id serial PRIMARY KEY)",
    "ALTER TABLE note ADD COLUMN IF NOT EXISTS place int",
    "ALTER SEQUENCE ticket INCREMENT 7",
    "CREATE INDEX ON book (title)",
    "COMMENT ON TABLE note IS 'of a test'",
)
REAL: Final = (
    "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'calm'",
    "NOTIFY news, 'here'",
    "SELECT pg_advisory_lock(1)",
    "SET work_mem = '8MB'",
    "VACUUM note",
    "CREATE INDEX CONCURRENTLY ON note (body)",
)
"""What the sandbox cannot do; some of it only outside of transactions."""


def chosen() -> Iterator[object]:
    """Yield so many tests, always the same."""
    chance = random.Random(NUMBER)  # noqa: S311 - it keeps no secret
    for number in range(NUMBER):
        strategy = chance.choice(STRATEGIES)
        marks = [] if strategy == "auto" else [pytest.mark.oneloop(strategy=strategy)]
        yield pytest.param(number, strategy, marks=marks)


async def alone(statement: str) -> None:
    connecting = engine.execution_options(isolation_level="AUTOCOMMIT").connect()
    async with connecting as connection:
        await connection.execute(text(statement))


async def together(statements: list[str], *, commits: bool) -> None:
    async with new_session() as session:
        for statement in statements:
            try:
                async with session.begin_nested():
                    await session.execute(text(statement))
            except IntegrityError:
                continue
        await (session.commit() if commits else session.rollback())


@pytest.mark.parametrize(("number", "strategy"), list(chosen()))
async def test_it(number: int, strategy: str) -> None:
    chance = random.Random(number)  # noqa: S311 - it keeps no secret
    async with new_session() as session:
        first = await session.scalar(text("INSERT INTO author (name) VALUES ('new') RETURNING id"))
        assert first == 4
        if chance.random() < 0.8:
            await session.commit()
    for _ in range(chance.randint(0, 3)):
        statements = chance.sample(ANYWHERE, chance.randint(1, 3))
        # No database empties a table whose new rows are still to be checked in the transaction.
        statements.sort(key=lambda statement: not statement.startswith("TRUNCATE"))
        await together(statements, commits=chance.random() < 0.8)
    if chance.random() < 0.3:
        await asyncio.gather(
            together(["INSERT INTO note VALUES ('left')"], commits=True),
            together(["UPDATE author SET mood = NULL"], commits=False),
        )
    if strategy != "rollback" and chance.random() < 0.3:
        await alone(chance.choice(REAL))
