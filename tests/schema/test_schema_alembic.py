"""Migrations, as projects have them, run unchanged."""

from __future__ import annotations

import logging
import os
import sys
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.databases.postgresql import administer
from tools.schema_projects import FOUR, INI, SYNC_ENV, Project, alembic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_oneloop.databases.address import ServerAddress
    from tools.schema_projects import Redirect

pytestmark = pytest.mark.server


def tables(server: ServerAddress, database: str) -> list[str]:
    rows = administer(
        server,
        lambda admin: admin.rows(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        ),
        database=database,
    )
    return [str(name) for (name,) in rows]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_an_async_env_runs_unchanged(  # noqa: PLR0917 - pytest passes them by name
    project: Project,
    server: ServerAddress,
    empty: str,
    redirect: Redirect,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    *,
    elsewhere: bool,
) -> None:
    project.write().with_four()
    monkeypatch.chdir(project.root.parent if elsewhere else project.root)
    source = alembic(project.root)
    assert source.describe() == "alembic 4 revisions"
    with redirect(empty):
        inputs = source.build()
    assert tables(server, empty) == ["Order", "alembic_version", "customer", "product"]
    assert set(inputs) == {f"{project.package}/__init__.py", f"{project.package}/models.py"}
    assert source.changed(inputs) == []
    assert capfd.readouterr() == ("", "")


def test_logging_is_left_alone(
    project: Project,
    empty: str,
    redirect: Redirect,
    tmp_path: Path,
) -> None:
    project.write(env=SYNC_ENV).with_four()
    logger = logging.getLogger("shop.orders")
    file = logging.FileHandler(tmp_path / "log", mode="w", encoding="utf-8")
    logger.addHandler(file)
    root = logging.getLogger()
    before = (list(root.handlers), root.level, logging.raiseExceptions)
    try:
        with redirect(empty):
            alembic(project.root).build()
        assert (list(root.handlers), root.level, logging.raiseExceptions) == before
        assert not logger.disabled
        logger.error("still written")
        assert (tmp_path / "log").read_text() == "still written\n"
    finally:
        logger.removeHandler(file)
        file.close()


def test_a_warning_of_a_migration_is_no_error(
    project: Project, empty: str, redirect: Redirect
) -> None:
    project.write()
    project.revise("r1", "import warnings; warnings.warn('old', DeprecationWarning)")
    with redirect(empty):
        alembic(project.root).build()


@pytest.mark.skipif(
    tuple(map(int, metadata.version("alembic").split(".")[:2])) < (1, 16),
    reason="Alembic reads pyproject.toml since 1.16",
)
def test_pyproject_alone_will_do(
    project: Project,
    server: ServerAddress,
    empty: str,
    redirect: Redirect,
) -> None:
    project.write(env=SYNC_ENV).with_four()
    project.ini.unlink()
    (project.root / "pyproject.toml").write_text(
        '[tool.alembic]\nscript_location = "%(here)s/migrations"\nprepend_sys_path = ["."]\n'
    )
    with redirect(empty):
        alembic(project.root).build()
    assert "customer" in tables(server, empty)


def test_several_places_for_revisions(
    project: Project,
    server: ServerAddress,
    empty: str,
    redirect: Redirect,
) -> None:
    locations = "version_locations = migrations/versions other/versions\n"
    ini = INI.replace("[alembic]\n", f"[alembic]\npath_separator = space\n{locations}")
    project.write(env=SYNC_ENV, ini=ini)
    project.revise("r1", FOUR["r1"])
    project.revise("r2", FOUR["r2"], down="r1", folder=project.root / "other" / "versions")
    source = alembic(project.root)
    assert source.describe() == "alembic 2 revisions"
    with redirect(empty):
        source.build()
    assert tables(server, empty) == ["alembic_version", "customer", "product"]


def test_a_script_location_in_a_package(
    project: Project,
    server: ServerAddress,
    empty: str,
    redirect: Redirect,
) -> None:
    ini = INI.replace("= migrations", "= {0}:migrations").replace("{0}", project.package)
    project.write(env=SYNC_ENV, ini=ini).with_four()
    (project.root / "migrations").rename(project.root / project.package / "migrations")
    source = alembic(project.root)
    assert source.describe() == "alembic 4 revisions"
    assert project.package not in sys.modules
    with redirect(empty):
        source.build()
    assert "customer" in tables(server, empty)


def test_heads_with_labels_of_their_own_are_meant(
    project: Project,
    server: ServerAddress,
    empty: str,
    redirect: Redirect,
) -> None:
    project.write(env=SYNC_ENV)
    project.revise("r1", FOUR["r1"], labels="people")
    project.revise("r2", FOUR["r2"], labels="things")
    with redirect(empty):
        alembic(project.root).build()
    assert tables(server, empty) == ["alembic_version", "customer", "product"]


def change_env(project: Project) -> None:
    project.env.write_text(project.env.read_text() + "\n")


def change_ini(project: Project) -> None:
    project.ini.write_text(project.ini.read_text() + "\n")


def change_revision(project: Project) -> None:
    project.revise("r4", "pass", down="r3")


def add_revision(project: Project) -> None:
    project.revise("r5", "pass", down="r4")


def add_sql(project: Project) -> None:
    (project.root / "migrations" / "seed.sql").write_text("SELECT 1")


def rename_revision(project: Project) -> None:
    (project.versions / "r4_step.py").rename(project.versions / "r4_other.py")


@pytest.mark.parametrize(
    "change",
    [change_env, change_ini, change_revision, add_revision, add_sql, rename_revision],
)
def test_every_change_gives_another_fingerprint(
    project: Project, change: Callable[[Project], None]
) -> None:
    project.write().with_four()
    source = alembic(project.root)
    before = source.fingerprint()
    assert source.fingerprint() == before
    change(project)
    assert source.fingerprint() != before


def test_the_place_of_a_checkout_does_not_matter(project: Project, tmp_path: Path) -> None:
    project.write().with_four()
    before = alembic(project.root).fingerprint()
    os.utime(project.ini, (0, 0))
    project.root.rename(tmp_path / "elsewhere")
    assert alembic(tmp_path / "elsewhere").fingerprint() == before


def test_a_change_of_what_a_revision_imports_is_seen(
    project: Project, empty: str, redirect: Redirect
) -> None:
    project.write(env=SYNC_ENV)
    project.revise("r1", "NAMES", top=f"from {project.package}.names import NAMES")
    names = project.models.with_name("names.py")
    names.write_text("from .words import NAMES\n")
    words = project.models.with_name("words.py")
    words.write_text("NAMES = ['tea']\n")
    source = alembic(project.root)
    fingerprint = source.fingerprint()
    with redirect(empty):
        inputs = source.build()
    assert source.changed(inputs) == []
    words.write_text("NAMES = ['coffee']\n")
    assert source.changed(inputs) == [f"{project.package}/words.py"]
    assert source.fingerprint() == fingerprint
    words.unlink()
    assert source.changed(inputs) == [f"{project.package}/words.py"]


def test_a_module_that_was_imported_before_is_an_input_too(
    project: Project,
    empty: str,
    redirect: Redirect,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project.write().with_four()
    with monkeypatch.context() as patch:
        patch.syspath_prepend(project.root)
        __import__(f"{project.package}.models")
    source = alembic(project.root)
    with redirect(empty):
        inputs = source.build()
    assert f"{project.package}/models.py" in inputs
