"""Schemas that cannot be built: one clear error, and the end of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.project_files import LEAN_TEST
from tools.projects import Project, lean, lean_migrated

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.server

FIRST = "migrations/versions/0001_notes.py"
NO_REVISIONS = (
    "  Likely cause: the path in the file is wrong, or no revision has been written yet.\n"
    "  What to do: correct script_location (or version_locations), or run: "
    "alembic revision --autogenerate; or set oneloop_schema to a MetaData, "
    'such as "package.models:Base".\n'
)
TARGET = (
    "  Likely cause: the name is misspelt, or the package cannot be imported from where pytest "
    "runs.\n"
    '  What to do: write "alembic", "alembic:path/to/alembic.ini" or '
    '"package.module:name" (a MetaData, a declarative base, or a function that creates the '
    "tables); pytest's setting pythonpath says where packages are found.\n"
)


@pytest.fixture
def migrated(tmp_path: Path, cache: Path) -> Project:
    """A project with one revision, whose tests need only the database."""
    return lean_migrated(tmp_path, ONELOOP_CACHE_DIR=str(cache))


@pytest.fixture
def project(tmp_path: Path, cache: Path) -> Project:
    """A project whose tables come from its metadata."""
    return lean(tmp_path, ONELOOP_CACHE_DIR=str(cache))


def revision(name: str, parent: str) -> str:
    return f"revision = {name!r}\ndown_revision = {parent!r}\n\ndef upgrade():\n    pass\n"


def test_no_revisions(migrated: Project) -> None:
    (migrated.folder / FIRST).unlink()

    run = migrated.run()

    ini, versions = migrated.folder / "alembic.ini", migrated.folder / "migrations" / "versions"
    run.explains(
        f"OL112: Alembic, as {ini} configures it, has no revisions to build the database from: "
        f"{versions} holds no revision.\n{NO_REVISIONS}",
        stops=True,
    )
    assert "schema unusable (OL112)" in run.header


def test_no_alembic_ini(project: Project) -> None:
    run = project.run("--oneloop-schema=alembic")

    run.explains(
        f"OL112: Alembic, as {project.folder / 'alembic.ini'} configures it, has no revisions to "
        "build the database from: there is no such file, nor one above it (set by "
        f"--oneloop-schema).\n{NO_REVISIONS}",
        stops=True,
    )


def test_two_heads(migrated: Project) -> None:
    migrated.write(
        {
            "migrations/versions/0002_mine.py": revision("mine", "0001"),
            "migrations/versions/0002_theirs.py": revision("theirs", "0001"),
        }
    )

    run = migrated.run()

    run.explains(
        f"OL113: The revisions of {migrated.folder / 'alembic.ini'} end in 2 heads: "
        "mine (0002_mine.py), theirs (0002_theirs.py).\n"
        "  Likely cause: two branches of the project each added a revision to the same parent.\n"
        "  What to do: alembic merge -m merge mine theirs; heads that are meant each carry a "
        "branch label of their own.\n",
        stops=True,
    )


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (
            'op.execute("ALTER TABLE nowhere ADD COLUMN a int")',
            (
                "ProgrammingError: (sqlalchemy.dialects.postgresql.asyncpg.ProgrammingError) "
                'relation "nowhere" does not exist [SQL: ALTER TABLE nowhere ADD COLUMN a int]'
            ),
        ),
        ('os.environ["REGION"]', "KeyError: 'REGION'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
    ids=["SQL", "Python", "exit"],
)
def test_revision_raises(line: str, error: str, migrated: Project) -> None:
    second = revision("0002", "0001").replace("pass", line)
    top = "import os\nfrom alembic import op\n"
    migrated.write({"migrations/versions/0002_broken.py": top + second})

    run = migrated.run()

    file = migrated.folder / "migrations" / "versions" / "0002_broken.py"
    run.explains(
        f"OL114: The revision 0002 failed on an empty database, at {file}:7: {error}\n"
        "  Likely cause: the revision is wrong, or needs something that no earlier revision "
        "creates.\n"
        "  What to do: correct 0002_broken.py; it must run on an empty database: "
        "alembic upgrade head.\n",
        stops=True,
    )


def test_env_py_raises(migrated: Project) -> None:
    migrated.change("migrations/env.py", "import asyncio\n", "import os; os.environ['SECRET']\n")

    run = migrated.run()

    run.explains(
        "OL115: The migration failed outside of any revision, at "
        f"{migrated.folder / 'migrations' / 'env.py'}:2: KeyError: 'SECRET'\n"
        "  Likely cause: env.py needs something that is not there while tests run, such as an "
        "environment variable, or the configuration of Alembic is wrong.\n"
        "  What to do: correct env.py; this must work on an empty database: "
        "alembic upgrade head.\n",
        stops=True,
    )


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("notes:Bse", "the module has no 'Bse'. Did you mean Base?"),
        ("models.notes:Base", "there is no module 'models'."),
        ("broken:Base", "importing broken failed, at {folder}/broken.py:1: ZeroDivisionError: {0}"),
        ("notes:URL", "it is a str, not a MetaData, a declarative base, or a function."),
    ],
)
def test_bad_target(target: str, reason: str, project: Project) -> None:
    project.write({"broken.py": "1 / 0\n"})

    run = project.run(f"--oneloop-schema={target}")

    reason = reason.format("division by zero.", folder=project.folder)
    run.explains(
        f"OL111: The schema {target!r} (set by --oneloop-schema) cannot be used: {reason}\n"
        f"{TARGET}",
        stops=True,
    )


def test_function_raises(project: Project) -> None:
    project.write({"tables.py": "def create(connection):\n    connection.exec_driver_sql('OH')\n"})

    run = project.run("--oneloop-schema=tables:create")

    run.explains(
        "OL116: The schema 'tables:create' could not be created in an empty database, at "
        f"{project.folder / 'tables.py'}:2: ProgrammingError: "
        '(sqlalchemy.dialects.postgresql.asyncpg.ProgrammingError) syntax error at or near "OH" '
        "[SQL: OH]\n"
        "  Likely cause: something in it needs what an empty database does not have.\n"
        "  What to do: correct it, or let oneloop_schema name a function that first creates what "
        "it needs, such as an extension.\n",
        stops=True,
    )


def test_metadata_without_tables(project: Project) -> None:
    project.write({"tables.py": "from sqlalchemy import MetaData\nmetadata = MetaData()\n"})

    run = project.run("--oneloop-schema=tables:metadata")

    run.explains(
        "OL117: The metadata 'tables:metadata' holds no table.\n"
        "  Likely cause: the modules with the models have not been imported, so it knows none of "
        "them.\n"
        "  What to do: let oneloop_schema name it through a module that imports every model, such "
        "as package.models:Base.\n",
        stops=True,
    )


def test_tests_without_a_database_run_all_the_same(migrated: Project) -> None:
    (migrated.folder / FIRST).unlink()
    migrated.write({"test_notes.py": "def test_sums():\n    assert 1 + 1 == 2\n"})

    run = migrated.run()

    assert run.code == 0, run.output
    assert run.counts == {"passed": 1}


@pytest.mark.parametrize("empty", [True, False])
def test_a_missing_table_where_nothing_makes_tables(empty: bool, project: Project) -> None:  # noqa: FBT001
    project.write({"test_notes.py": LEAN_TEST.replace("SELECT 1", "SELECT * FROM nots")})
    if empty:
        project.change("pyproject.toml", 'oneloop_schema = "notes:Base"\n', "")

    run = project.run()

    assert "does not exist" in run.output, run.output
    told = (
        "The test database is empty: no alembic.ini was found, and oneloop_schema is not set.\n"
        "Say where its tables come from, such as oneloop_schema = shop.models:Base in pytest's "
        "configuration.\n"
    )
    assert (told in run.output) == empty, run.output
