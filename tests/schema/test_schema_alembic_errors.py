"""Migrations that cannot be run: which revision, file or setting is named."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.errors.schema import (
    MigrationEnvironmentError,
    MissingAlembicError,
    NoRevisionsError,
    RevisionError,
    SeveralHeadsError,
)
from tools.schema_projects import FOUR, Project, alembic

if TYPE_CHECKING:
    from tools.schema_projects import Redirect

pytestmark = pytest.mark.server


def test_two_heads_are_named(project: Project, empty: str, redirect: Redirect) -> None:
    project.write()
    project.revise("r1", FOUR["r1"])
    project.revise("r2a", FOUR["r2"], down="r1")
    project.revise("r2b", "pass", down="r1")
    with redirect(empty), pytest.raises(SeveralHeadsError) as caught:
        alembic(project.root).build()
    assert sorted(caught.value.heads) == [
        ("r2a", project.versions / "r2a_step.py"),
        ("r2b", project.versions / "r2b_step.py"),
    ]


def test_no_revisions(project: Project) -> None:
    project.write()
    with pytest.raises(NoRevisionsError) as caught:
        alembic(project.root).describe()
    assert caught.value.config == project.ini
    assert caught.value.reason == f"{project.versions} holds no revision"


def test_no_script_location(project: Project) -> None:
    project.write(ini="[alembic]\n")
    with pytest.raises(NoRevisionsError) as caught:
        alembic(project.root).fingerprint()
    assert caught.value.reason == "it has no script_location"


def test_a_script_location_that_does_not_exist(project: Project) -> None:
    project.write(ini="[alembic]\nscript_location = migrate\n")
    with pytest.raises(NoRevisionsError) as caught:
        alembic(project.root).fingerprint()
    assert caught.value.reason == "its script_location migrate does not exist"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise ValueError('three')", "ValueError: three"),
        ("op.execute('SELECT * FROM nowhere')", 'relation "nowhere" does not exist'),
    ],
)
def test_a_revision_that_raises_is_named(
    project: Project,
    empty: str,
    redirect: Redirect,
    body: str,
    words: str,
) -> None:
    project.write()
    project.revise("r1", FOUR["r1"])
    file = project.revise("r2", body, down="r1")
    with redirect(empty), pytest.raises(RevisionError) as caught:
        alembic(project.root).build()
    error = caught.value
    lines = file.read_text().splitlines()
    assert (error.revision, error.file) == ("r2", file)
    assert error.line is not None
    assert lines[error.line - 1].strip() == body
    assert words in str(error)
    assert error.__cause__ is error.error


def test_a_revision_that_cannot_be_read_is_named(
    project: Project, empty: str, redirect: Redirect
) -> None:
    project.write()
    project.revise("r1", "pass")
    file = project.revise("r2", "(", down="r1")
    with redirect(empty), pytest.raises(RevisionError) as caught:
        alembic(project.root).build()
    assert (caught.value.revision, caught.value.file) == ("r2", file)
    assert isinstance(caught.value.__cause__, SyntaxError)


def test_an_env_that_raises_is_named(project: Project, empty: str, redirect: Redirect) -> None:
    project.write(env="import os\n\nos.environ['NO_SUCH_{package}']\n").with_four()
    with redirect(empty), pytest.raises(MigrationEnvironmentError) as caught:
        alembic(project.root).build()
    assert (caught.value.file, caught.value.line) == (project.env, 3)
    assert isinstance(caught.value.__cause__, KeyError)


def test_an_env_that_leaves_is_named(project: Project, empty: str, redirect: Redirect) -> None:
    project.write(env="raise SystemExit('no settings')").with_four()
    with redirect(empty), pytest.raises(MigrationEnvironmentError) as caught:
        alembic(project.root).build()
    assert "SystemExit: no settings" in str(caught.value)


def test_a_missing_parent_is_an_error_of_the_configuration(
    project: Project, empty: str, redirect: Redirect
) -> None:
    project.write()
    project.revise("r2", "pass", down="gone")
    with redirect(empty), pytest.raises(MigrationEnvironmentError) as caught:
        alembic(project.root).build()
    assert caught.value.file == project.ini
    assert "gone" in str(caught.value)


def test_alembic_is_not_installed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write().with_four()
    monkeypatch.setitem(sys.modules, "alembic", None)
    with pytest.raises(MissingAlembicError) as caught:
        alembic(project.root).build()
    assert caught.value.config == project.ini
