"""The schema is built once, and again as soon as anything has changed that it was built from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools import projects
from tools.servers import database_url

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_oneloop.databases.address import ServerAddress
    from tools.projects import Project

pytestmark = pytest.mark.server

TEXT = "    text: Mapped[str]\n"
REVISION = "migrations/versions/0001_notes.py"
BUILDS = """

@event.listens_for(Base.metadata, "before_create")
def note_build(target, connection, **_):
    if isinstance(connection, Connection):
        connection.exec_driver_sql("CREATE EXTENSION citext")
        with open(os.environ["MIGRATIONS_LOG"], "a") as log:
            log.write("metadata\\n")
"""
FUNCTION = """
import os

from notes import Base


{kind} create(connection):
    with open(os.environ["MIGRATIONS_LOG"], "a") as log:
        log.write("function\\n")
    {run}
"""
COLUMNS = """
from sqlalchemy import text

QUERY = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public'"


async def test_columns(db_session):
    assert set(await db_session.scalars(text(QUERY))) == {columns}
"""
MIGRATING = """
import pytest
from alembic import command
from alembic.config import Config


@pytest.fixture(scope="session", autouse=True)
def migrated():
    command.upgrade(Config("alembic.ini"), "head")
"""


@pytest.fixture
def logged(tmp_path: Path) -> dict[str, str]:
    """The environment of runs that nobody else shares a template with."""
    return {"MIGRATIONS_LOG": str(tmp_path / "log"), "ONELOOP_CACHE_DIR": str(tmp_path / "cache")}


def builds(project: Project) -> int:
    """Run the project's tests, which pass; return how often its schema has been built so far."""
    run = project.run()
    assert set(run.counts) == {"passed"}, run.output
    with open(project.environ["MIGRATIONS_LOG"]) as log:  # noqa: PTH123 - as the project does
        return len(log.readlines())


def expect_columns(project: Project, *columns: str) -> None:
    project.write({"test_columns.py": COLUMNS.replace("{columns}", repr(set(columns)))})


def test_migrations_run_once_for_each_state_of_the_project(
    logged: dict[str, str], tmp_path: Path
) -> None:
    project = projects.lean_migrated(tmp_path / "project", **logged)
    expect_columns(project, "id", "text", "version_num")

    assert builds(project) == 1
    assert builds(project) == 1

    project.change(REVISION, '"notes",', '"notes", sa.Column("day", sa.Date),')
    expect_columns(project, "day", "id", "text", "version_num")
    assert builds(project) == 2

    project.change("migrations/env.py", "import asyncio", "import asyncio  # once more")
    assert builds(project) == 3

    project.change("notes.py", "import os", "import os  # a module that env.py imports")
    assert builds(project) == 4
    assert builds(project) == 4

    # Back to what there was before: nothing is to be built.
    project.change("notes.py", "import os  # a module that env.py imports", "import os")
    assert builds(project) == 4


def test_a_fixture_of_the_project_that_migrates(logged: dict[str, str], tmp_path: Path) -> None:
    project = projects.lean_migrated(tmp_path / "project", **logged)
    project.write({"conftest.py": MIGRATING})

    # Its `env.py` is the first to connect, so the template is built within that migration.
    run = project.run("--oneloop-strategy=rollback")

    assert run.counts == {"passed": 2}, run.output
    assert builds(project) == 1


def test_templates_on_a_server_that_lives_on(tmp_path: Path, tcp_server: ServerAddress) -> None:
    project = projects.lean_migrated(
        tmp_path / "project",
        MIGRATIONS_LOG=str(tmp_path / "log"),
        ONELOOP_SERVER=database_url(tcp_server, "postgresql"),
    )
    # The server may have the template of another test.
    project.change("alembic.ini", "[alembic]", f"# {tmp_path}\n[alembic]")
    expect_columns(project, "id", "text", "version_num")

    assert builds(project) == 1
    assert builds(project) == 1

    project.change(REVISION, '"notes",', '"notes", sa.Column("day", sa.Date),')
    expect_columns(project, "day", "id", "text", "version_num")
    assert builds(project) == 2


def test_header_says_whether_there_is_a_template(tmp_path: Path) -> None:
    project = projects.lean_migrated(tmp_path, ONELOOP_CACHE_DIR=str(tmp_path / "cache"))

    first, second = project.run(), project.run()

    assert "· schema alembic 1 revision (template not built yet) ·" in first.header
    assert "· schema alembic 1 revision (template cached) ·" in second.header


def test_metadata(logged: dict[str, str], tmp_path: Path) -> None:
    project = projects.lean(tmp_path / "project", **logged)
    project.change(
        "notes.py", "import os\n", "import os\nfrom sqlalchemy import Connection, event\n"
    )
    project.change("notes.py", TEXT, TEXT + BUILDS)
    expect_columns(project, "id", "text")

    assert builds(project) == 1
    assert builds(project) == 1

    project.change("notes.py", TEXT, f"{TEXT}    day: Mapped[str | None]\n")
    expect_columns(project, "day", "id", "text")
    assert builds(project) == 2


def test_metadata_with_a_listener_that_needs_a_real_connection(
    logged: dict[str, str], tmp_path: Path
) -> None:
    project = projects.lean(tmp_path / "project", **logged)
    project.change("notes.py", "import os\n", "import os\nfrom sqlalchemy import event\n")
    always = BUILDS.replace("isinstance(connection, Connection)", "True")
    project.change("notes.py", TEXT, TEXT + always)

    assert builds(project) == 1
    assert builds(project) == 1

    project.change("notes.py", "citext", "hstore")
    assert builds(project) == 2


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_function(kind: str, logged: dict[str, str], tmp_path: Path) -> None:
    project = projects.lean(tmp_path / "project", **logged)
    project.change("pyproject.toml", "notes:Base", "tables:create")
    run = (
        "Base.metadata.create_all(connection)"
        if kind == "def"
        else "await connection.run_sync(Base.metadata.create_all)"
    )
    project.write({"tables.py": FUNCTION.format(kind=kind, run=run)})
    expect_columns(project, "id", "text")

    assert builds(project) == 1
    assert builds(project) == 1

    project.change("tables.py", "import os", "import os  # once more")
    assert builds(project) == 2


def test_no_schema_at_all(logged: dict[str, str], tmp_path: Path) -> None:
    project = projects.lean(tmp_path / "project", **logged)
    project.change("pyproject.toml", 'oneloop_schema = "notes:Base"\n', "")
    expect_columns(project)

    run = project.run()

    assert "· no schema ·" in run.header
    assert run.counts == {"passed": 3}, run.output
