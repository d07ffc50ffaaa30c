"""What is not needed is not started: no server, no connection, no import."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools import projects
from tools.project_files import NOTES

if TYPE_CHECKING:
    from tools.projects import Finished, Project

TESTS = Path(__file__).parents[1]
HEAVY = {"alembic", "asyncpg", "psycopg", "psycopg2", "fastapi", "httpx", "httpx2"}
SUMS = {"test_sums.py": "async def test_sums():\n    assert 1 + 1 == 2\n"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with migrations, none of whose tests needs a database."""
    project = projects.migrated_notes(tmp_path / "project", ONELOOP_CACHE_DIR=str(tmp_path / "c"))
    (project.folder / "test_notes.py").unlink()
    project.write(SUMS)
    return project


def watched(project: Project, *options: str) -> tuple[Finished, dict[str, list[str]]]:
    """Run pytest, and return what a witness within saw of it as well."""
    file = project.folder / "witness.json"
    path = os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH"))))
    run = project.run("-p", "tools.witness", *options, WITNESS=str(file), PYTHONPATH=path)
    return run, json.loads(file.read_text())


def folders_of_servers(seen: dict[str, list[str]]) -> list[str]:
    return [name for name in seen["folder"] if "oneloop-" in name or "seeds" in name]


@pytest.mark.server
def test_tests_that_need_a_database_are_seen_to_start_one(project: Project) -> None:
    project.write({"test_notes.py": NOTES["test_notes.py"]})

    run, seen = watched(project)

    assert run.counts == {"passed": 4}, run.output
    assert any("keeper.py" in command for command in seen["process"])
    assert any(".s.PGSQL.5432" in address for address in seen["connection"])
    assert folders_of_servers(seen)
    assert {"alembic", "asyncpg", "fastapi"} <= set(seen["modules"])


def test_tests_without_a_database_start_nothing(project: Project) -> None:
    run, seen = watched(project)

    assert run.counts == {"passed": 1}, run.output
    assert run.header.startswith("oneloop: PostgreSQL ")
    assert "alembic 1 revision (template not built yet)" in run.header
    assert seen["process"] == []
    assert seen["connection"] == []
    assert folders_of_servers(seen) == []
    assert not HEAVY.intersection(seen["modules"])
    assert not (project.folder.parent / "c").exists()


@pytest.mark.parametrize("option", ["--collect-only", "-VV", "--help", "--fixtures"])
def test_questions_start_nothing(option: str, project: Project) -> None:
    project.write({"test_notes.py": NOTES["test_notes.py"]})

    run, seen = watched(project, option)

    assert run.code == 0, run.output
    assert seen["process"] == []
    assert seen["connection"] == []
    assert folders_of_servers(seen) == []
    if option in ("-VV", "--help"):
        assert not (HEAVY | {"sqlalchemy"}).intersection(seen["modules"])
    else:
        assert not {"alembic", "asyncpg"}.intersection(seen["modules"])


def test_client_that_needs_no_database_starts_none(project: Project) -> None:
    project.write(
        {"test_notes.py": "async def test_docs(client):\n    await client.get('/docs')\n"}
    )

    run, seen = watched(project)

    assert run.counts == {"passed": 2}, run.output
    assert seen["process"] == []
    assert seen["connection"] == []
    assert folders_of_servers(seen) == []


def test_failing_collection_starts_nothing(project: Project) -> None:
    project.write({"test_notes.py": "import nothing_of_that_name\n"})

    run, seen = watched(project)

    assert run.counts == {"error": 1}, run.output
    assert seen["process"] == []
    assert folders_of_servers(seen) == []
