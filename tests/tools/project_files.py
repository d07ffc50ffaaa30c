"""The files of a small project, as people write them: one table, one endpoint, migrations."""

from __future__ import annotations

NOTES = {
    "pyproject.toml": """
[tool.fastapi]
entrypoint = "api:app"

[tool.pytest.ini_options]
pythonpath = ["."]
asyncio_mode = "auto"
oneloop_schema = "notes:Base"
""",
    "notes.py": """
import os

from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

URL = os.environ.get("NOTES_URL", "postgresql+asyncpg://app:secret@db.invalid:5432/production")
engine = create_async_engine(URL)
new_session = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
""",
    "api.py": """
from fastapi import FastAPI
from sqlalchemy import func, select

from notes import Note, new_session

app = FastAPI()


@app.post("/notes", status_code=201)
async def write(text: str) -> int:
    async with new_session() as session:
        session.add(Note(text=text))
        await session.commit()
        return await session.scalar(select(func.count(Note.id)))
""",
    "test_notes.py": """
import pytest


@pytest.mark.parametrize("number", range(3))
async def test_nobody_has_written_yet(client, number):
    answer = await client.post("/notes", params={"text": f"note {number}"})
    assert answer.json() == 1
""",
}
"""An application with one table, whose engine points to a database that is not there."""

LEAN_TEST = """
from sqlalchemy import text


async def test_it(db_session):
    await db_session.execute(text("SELECT 1"))


async def test_it_again(db_session):
    await db_session.execute(text("SELECT 1"))
"""
"""Tests that need a database, and nothing else."""

MIGRATIONS = {
    "alembic.ini": """
[alembic]
script_location = %(here)s/migrations
prepend_sys_path = %(here)s
path_separator = os
""",
    "migrations/env.py": """
import asyncio

from alembic import context

from notes import Base, engine


def migrate(connection):
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()


async def main():
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


asyncio.run(main())
""",
    "migrations/script.py.mako": "",
    "migrations/versions/0001_notes.py": """
import os

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    if "MIGRATIONS_LOG" in os.environ:
        with open(os.environ["MIGRATIONS_LOG"], "a") as log:
            log.write("0001\\n")
    op.create_table(
        "notes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("text", sa.String, nullable=False),
    )
""",
}
"""Migrations for it, by an asynchronous `env.py`. Each run of them adds a line to a log."""
