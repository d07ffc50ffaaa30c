"""Small projects with Alembic, as people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_oneloop.schema import SchemaSource, find_schema

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    Redirect = Callable[[str], AbstractContextManager[None]]

ASYNC_ENV = """
import asyncio
from logging.config import fileConfig

from alembic import context
from sqlalchemy import pool
from sqlalchemy.ext.asyncio import async_engine_from_config

from {package}.models import Base

config = context.config
if config.config_file_name is not None:
    fileConfig(config.config_file_name)
target_metadata = Base.metadata


def do_run_migrations(connection):
    context.configure(connection=connection, target_metadata=target_metadata)
    with context.begin_transaction():
        context.run_migrations()


async def run_async_migrations():
    connectable = async_engine_from_config(
        config.get_section(config.config_ini_section, {{}}),
        prefix="sqlalchemy.",
        poolclass=pool.NullPool,
    )
    async with connectable.connect() as connection:
        await connection.run_sync(do_run_migrations)
    await connectable.dispose()


asyncio.run(run_async_migrations())
"""

SYNC_ENV = """
import logging.config

from alembic import context
from sqlalchemy import NullPool, create_engine

logging.config.dictConfig({{
    "version": 1,
    "disable_existing_loggers": True,
    "handlers": {{"all": {{"class": "logging.StreamHandler"}}}},
    "root": {{"level": "DEBUG", "handlers": ["all"]}},
}})
engine = create_engine("postgresql+psycopg://nobody@real.invalid/{package}", poolclass=NullPool)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""

INI = """
[alembic]
script_location = migrations
prepend_sys_path = .
sqlalchemy.url = postgresql+asyncpg://nobody:secret@real.invalid/production

[loggers]
keys = root,alembic

[handlers]
keys = console

[formatters]
keys = generic

[logger_root]
level = WARNING
handlers = console
qualname =

[logger_alembic]
level = INFO
handlers =
qualname = alembic

[handler_console]
class = StreamHandler
args = (sys.stderr,)
level = NOTSET
formatter = generic

[formatter_generic]
format = %(levelname)-5.5s [%(name)s] %(message)s
"""

REVISION = '''
"""{slug}"""
import sqlalchemy as sa
from alembic import op

revision: str = "{revision}"
down_revision = {down!r}
branch_labels = {labels!r}
depends_on = None
{top}

def upgrade() -> None:
    {body}


def downgrade() -> None:
    pass
'''

FOUR = {
    "r1": "op.execute('CREATE TABLE customer (id serial PRIMARY KEY, email text UNIQUE)')",
    "r2": "op.execute('CREATE TABLE product (id serial PRIMARY KEY, name text)')",
    "r3": "op.execute(\"INSERT INTO product (name) VALUES ('tea'), ('coffee')\")",
    "r4": (
        'op.execute(\'CREATE TABLE "Order" (id serial PRIMARY KEY, customer int, '
        'CONSTRAINT "order of" FOREIGN KEY (customer) REFERENCES customer '
        "DEFERRABLE INITIALLY DEFERRED)')"
    ),
}


class Project:
    """A folder with a package, an `alembic.ini` and migrations."""

    def __init__(self, root: Path, package: str) -> None:
        self.root = root
        self.package = package
        self.versions = root / "migrations" / "versions"

    @property
    def ini(self) -> Path:
        return self.root / "alembic.ini"

    @property
    def env(self) -> Path:
        return self.root / "migrations" / "env.py"

    @property
    def models(self) -> Path:
        return self.root / self.package / "models.py"

    def write(self, *, env: str = ASYNC_ENV, ini: str = INI) -> Project:
        self.versions.mkdir(parents=True)
        self.models.parent.mkdir()
        (self.models.parent / "__init__.py").touch()
        self.models.write_text(
            "from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column\n\n"
            "class Base(DeclarativeBase):\n    pass\n\n"
            "class Thing(Base):\n    __tablename__ = 'thing'\n"
            "    id: Mapped[int] = mapped_column(primary_key=True)\n"
        )
        self.ini.write_text(ini)
        self.env.write_text(env.format(package=self.package))
        return self

    def revise(
        self,
        revision: str,
        body: str,
        *,
        down: str | tuple[str, ...] | None = None,
        labels: str | None = None,
        top: str = "",
        folder: Path | None = None,
    ) -> Path:
        file = (folder or self.versions) / f"{revision}_step.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        text = REVISION.format(
            slug=revision, revision=revision, down=down, labels=labels, body=body, top=top
        )
        file.write_text(text)
        return file

    def with_four(self) -> Project:
        down = None
        for revision, body in FOUR.items():
            self.revise(revision, body, down=down)
            down = revision
        return self


def alembic(root: Path) -> SchemaSource:
    """Return the migrations that are found in a folder."""
    source = find_schema(None, source="default", rootdir=root)
    assert source is not None
    return source
