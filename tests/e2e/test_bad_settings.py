"""Settings that cannot work: one clear error, before anything is collected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.projects import lean

if TYPE_CHECKING:
    from pathlib import Path

SERVERS = (
    "write oneloop_server = postgresql://user:password@host:5432 or "
    "mysql://user:password@host:3306 (for MariaDB too), or both with a space between, for a user "
    "who may create databases; or leave it out to use the embedded PostgreSQL."
)
PROBLEMS = {
    ("app", "notes"): (
        "it is not of the form module:attribute.",
        (
            "write the module's dotted name, a colon, and the name in it: oneloop_app = "
            "shop.main:app, or shop.main:create_app() for a function to call."
        ),
    ),
    ("server", "oracle://me:***@there/db"): (
        "it is not the URL of a PostgreSQL, MySQL or MariaDB server.",
        SERVERS,
    ),
    ("server", "mysql://me:***@there:abc"): ("its port is not a number.", SERVERS),
    ("server", "postgresql://me:***@"): (
        "it names no host.",
        SERVERS,
    ),
    ("schema", "models"): (
        "it is neither alembic nor of the form module:attribute.",
        (
            "write oneloop_schema = alembic, or the place of a MetaData object or of a function, "
            "such as oneloop_schema = shop.models:metadata."
        ),
    ),
    ("strategy", "comit"): (
        "there is no strategy of that name in this version.",
        "use one that exists (auto, rollback, commit, clone), or leave it out.",
    ),
    ("passthrough", "postgresql"): (
        (
            "engines of postgresql are led to the test database; one that is left alone would "
            "connect to the real one in its URL."
        ),
        (
            "leave postgresql out. An engine whose driver is not isolated can be let through by "
            "dialect and driver, such as postgresql+pg8000."
        ),
    ),
    ("passthrough", "oracle sqlit"): (
        "SQLAlchemy knows no dialect 'sqlit'.",
        (
            "write the name that stands first in the engine's URL, such as sqlite. A dialect that "
            "the project registers by code has to be registered in a plugin that pytest loads by "
            "-p."
        ),
    ),
    ("cache_dir", "notes.py"): (
        "{folder}/notes.py is a file.",
        "name a folder; it is made where it does not exist.",
    ),
    ("postgres_bin", "bin"): (
        "{folder}/bin is not a folder.",
        (
            "name the folder that holds postgres and initdb, such as /usr/lib/postgresql/17/bin, "
            "or leave it out."
        ),
    ),
    ("explain", "perhaps"): (
        "it is neither yes nor no.",
        "write oneloop_explain = true, or oneloop_explain = false.",
    ),
}


@pytest.mark.parametrize(("name", "value"), PROBLEMS)
def test_bad_value(name: str, value: str, tmp_path: Path) -> None:
    why, instead = PROBLEMS[name, value]
    project = lean(tmp_path)

    run = project.run(f"--oneloop-{name.replace('_', '-')}", value.replace("***", "secret"))

    run.explains(
        f"ERROR: OL121: oneloop_{name} cannot be {value!r} (set by "
        f"--oneloop-{name.replace('_', '-')}).\n"
        f"  Likely cause: {why.format(folder=project.folder)}\n"
        f"  What to do: {instead}\n"
    )
    assert run.code == 4
    assert "secret" not in run.output
    assert "collected" not in run.output


@pytest.mark.parametrize("place", ["variable", "file", "override"])
def test_the_place_is_named(place: str, tmp_path: Path) -> None:
    project = lean(tmp_path)
    if place == "variable":
        run, source = project.run(ONELOOP_STRATEGY="comit"), "ONELOOP_STRATEGY"
    elif place == "override":
        run, source = project.run("-o", "oneloop_strategy=comit"), "-o oneloop_strategy"
    else:
        project.change("pyproject.toml", 'asyncio_mode = "auto"', 'oneloop_strategy = "comit"')
        run, source = project.run(), "pyproject.toml"

    assert f"OL121: oneloop_strategy cannot be 'comit' (set by {source}).\n" in run.output
    assert run.code == 4


def test_pyproject_toml_that_cannot_be_read(tmp_path: Path) -> None:
    project = lean(tmp_path)
    project.write({"pyproject.toml": "[tool.fastapi\n", "pytest.ini": "[pytest]\n"})

    run = project.run("-c", "pytest.ini")

    run.explains(
        f"ERROR: OL122: {project.folder / 'pyproject.toml'} could not be read to find "
        "[tool.fastapi] entrypoint: Expected ']' at the end of a table declaration (at line 1, "
        "column 14)\n"
        "  Likely cause: the file is not valid TOML, or may not be read by this user.\n"
        "  What to do: correct the file, or name the application by oneloop_app, so that the file "
        "is not needed.\n"
    )
    assert run.code == 4


@pytest.mark.server
def test_folder_without_postgres(tmp_path: Path, cache: Path) -> None:
    project = lean(tmp_path, ONELOOP_CACHE_DIR=str(cache))
    (project.folder / "bin").mkdir()

    run = project.run("--oneloop-postgres-bin=bin")

    run.explains(
        f"OL104: The folder {project.folder / 'bin'} holds no PostgreSQL programs (postgres and "
        "initdb).\n"
        "  Likely cause: The setting names another folder than the one that the programs lie in.\n"
        "  What to do: Name the folder that holds both programs, such as "
        "/usr/lib/postgresql/18/bin, or remove the setting.\n",
        stops=True,
    )
