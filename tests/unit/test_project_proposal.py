"""What is proposed for a project, and what is said where nothing can be proposed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.errors.project import SeveralCandidatesError, UnknownTargetError
from pytest_oneloop.project.discovery import discover
from pytest_oneloop.project.proposal import propose
from tools.project_files import MIGRATIONS, NOTES
from tools.projects import Project

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_oneloop.project.proposal import Proposal

APP = "from fastapi import FastAPI\napp = FastAPI()\n"
MODELS = NOTES["notes.py"]
REQUIREMENTS = "pytest-oneloop[postgres]\npytest_asyncio>=1\nhttpx\n"


def proposed(
    folder: Path,
    files: dict[str, str],
    *,
    path: str = ".",
    app: str | None = None,
    schema: str | None = None,
) -> Proposal:
    Project(folder).write({"requirements-dev.txt": REQUIREMENTS} | files)
    return propose(discover(folder / path), app=app, schema=schema)


def added(proposal: Proposal) -> dict[str, object]:
    return {name: value for table in proposal.edit.added.values() for name, value in table.items()}


def test_a_whole_project(tmp_path: Path) -> None:
    done = proposed(tmp_path, {"main.py": APP, "models.py": MODELS, "pyproject.toml": ""})
    assert done.edit.added == {
        "[tool.fastapi]": {"entrypoint": "main:app"},
        "[tool.pytest.ini_options]": {
            "oneloop_schema": "models:Base",
            "asyncio_mode": "auto",
            "pythonpath": ["."],
        },
    }
    assert (done.application, done.schema) == ("main:app (main.py:2)", "models:Base (models.py:12)")
    assert (done.kept, done.by_hand, done.packages) == ([], [], [])


def test_what_is_set_is_said(tmp_path: Path) -> None:
    ini = (
        "[pytest]\noneloop_app = x:app\noneloop_schema = x:Base\nasyncio_mode = strict\n"
        "pythonpath = lib\n"
    )
    files = {"main.py": APP, "models.py": MODELS, "pytest.ini": ini}
    done = proposed(tmp_path, files, app="main:app", schema="models:Base")
    assert not done.edit.changes
    assert done.kept == [
        "The application is x:app (pytest.ini [pytest]), and stays so.",
        "oneloop_schema is x:Base, and stays so.",
        (
            "asyncio_mode is strict, and stays so: mark each test with @pytest.mark.asyncio, or "
            "write auto."
        ),
    ]


def test_a_pythonpath_that_lacks_a_folder_is_said(tmp_path: Path) -> None:
    ini = "[pytest]\npythonpath = lib\n"
    done = proposed(tmp_path, {"src/main.py": APP, "pytest.ini": ini})
    assert added(done) == {"oneloop_app": "main:app", "asyncio_mode": "auto"}
    assert done.kept == [
        (
            "pythonpath is lib, and stays so: add src to it, unless the project is installed where "
            "the tests run."
        )
    ]


@pytest.mark.parametrize(
    "files",
    [
        {"pytest.ini": "[pytest]\npythonpath = .\n"},
        {"conftest.py": "", "pytest.ini": ""},
        {"tests/__init__.py": "", "tests/test_x.py": "", "pytest.ini": ""},
    ],
    ids=["set", "conftest", "package of tests"],
)
def test_a_folder_in_which_pytest_looks_anyway(tmp_path: Path, files: dict[str, str]) -> None:
    assert "pythonpath" not in added(proposed(tmp_path, {"main.py": APP} | files))
    text = f"{files.get('pytest.ini') or '[pytest]'}\naddopts = --import-mode=importlib\n"
    again = proposed(tmp_path, {"main.py": APP} | files | {"pytest.ini": text})
    assert ("pythonpath" in added(again)) == ("pythonpath" not in text)


def test_what_is_installed_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"src/unheard_of/__init__.py": APP, "pytest.ini": ""}
    assert added(proposed(tmp_path, files))["pythonpath"] == ["src"]
    monkeypatch.syspath_prepend(tmp_path / "src")
    assert "pythonpath" not in added(proposed(tmp_path, files))


def test_alembic_that_is_found_needs_no_line(tmp_path: Path) -> None:
    done = proposed(tmp_path, {"main.py": APP, **MIGRATIONS, "notes.py": MODELS, "pytest.ini": ""})
    assert "oneloop_schema" not in added(done)
    assert done.schema == "Alembic, 1 revision (alembic.ini)"


def test_alembic_somewhere_else_is_named(tmp_path: Path) -> None:
    files = {f"db/{name}": text for name, text in MIGRATIONS.items()}
    done = proposed(tmp_path, files | {"pytest.ini": "", "notes.py": MODELS})
    assert added(done)["oneloop_schema"] == "alembic:db/alembic.ini"


def test_alembic_without_revisions_gives_way_to_tables(tmp_path: Path) -> None:
    files = {"alembic.ini": "[alembic]\nscript_location = nowhere\n", "notes.py": MODELS}
    done = proposed(tmp_path, files)
    assert added(done)["oneloop_schema"] == "notes:Base"
    assert "its script_location nowhere does not exist" in done.by_hand[-1]


def test_a_project_below_the_root_folder_of_pytest(tmp_path: Path) -> None:
    files = {f"backend/{name}": text for name, text in MIGRATIONS.items()}
    files |= {"backend/pyproject.toml": "", "backend/app.py": APP, "other/app.py": APP}
    done = proposed(tmp_path, files | {"pytest.ini": ""}, path="backend")
    assert done.edit.path == tmp_path / "pytest.ini"
    assert added(done) == {
        "oneloop_app": "app:app",
        "oneloop_schema": "alembic:backend/alembic.ini",
        "asyncio_mode": "auto",
        "pythonpath": ["backend"],
    }


def test_nothing_is_found(tmp_path: Path) -> None:
    done = proposed(tmp_path, {"script.py": "print('x')\n", "pyproject.toml": ""})
    assert added(done) == {"asyncio_mode": "auto"}
    assert done.by_hand == [
        (
            "If the tests call an application, name it, for the fixture client: oneloop_app = "
            '"module:app".'
        ),
        (
            'If the tests need tables, name what makes them: oneloop_schema = "module:Base" (a '
            "MetaData, a declarative base, or a function)."
        ),
    ]


def test_a_factory_that_wants_something(tmp_path: Path) -> None:
    factory = "from fastapi import FastAPI\ndef make(url, *, debug):\n    return FastAPI()\n"
    done = proposed(tmp_path, {"main.py": factory, "models.py": MODELS, "pytest.ini": ""})
    assert "oneloop_app" not in added(done)
    assert done.by_hand == [
        (
            "main:make() (main.py:2) cannot be called without url, debug: write a fixture "
            "oneloop_app in conftest.py that returns the application."
        )
    ]
    fixture = "import pytest\n@pytest.fixture\ndef oneloop_app():\n    return make('x')\n"
    again = proposed(tmp_path, {"conftest.py": fixture})
    assert again.application == "the fixture oneloop_app (conftest.py:3)"
    assert again.by_hand == []


def test_tables_that_no_module_knows_all_of(tmp_path: Path) -> None:
    more = "from notes import Base\nclass More(Base):\n    __tablename__ = 'more'\n"
    done = proposed(tmp_path, {"main.py": APP, "notes.py": MODELS, "b.py": more, "pytest.ini": ""})
    # `b` imports `notes`, and so knows both.
    assert added(done)["oneloop_schema"] == "b:Base"
    third = more.replace("more", "third").replace("More", "Third")
    again = proposed(tmp_path, {"c.py": third})
    assert "oneloop_schema" not in added(again)
    assert again.by_hand == [
        (
            "Importing notes does not import b, c, where tables are. Name a module that imports "
            "Base and all of them: oneloop_schema = module:Base."
        )
    ]


def test_tests_that_anyio_runs(tmp_path: Path) -> None:
    test = "import pytest\npytestmark = pytest.mark.anyio\nasync def test_it(): pass\n"
    files = {"main.py": APP, "models.py": MODELS, "pytest.ini": "", "tests/test_x.py": test}
    done = proposed(tmp_path, files | {"requirements-dev.txt": "httpx\n"})
    assert "asyncio_mode" not in added(done)
    assert done.kept == [
        (
            "The tests are run by anyio's plugin, so asyncio_mode is not set; client and "
            "db_session work there too."
        )
    ]
    assert done.packages == ['"pytest-oneloop[postgres]"']
    marked = "import pytest\npytestmark = pytest.mark.asyncio\n"
    assert added(proposed(tmp_path, {"tests/test_y.py": marked}))["asyncio_mode"] == "auto"


@pytest.mark.parametrize(
    ("flag", "value", "problem"),
    [
        ("app", "main", "it is not of the form module:name"),
        ("app", "main.py:app", "there is no module main.py"),
        ("app", "main:ap", "main.py has no ap"),
        ("app", "main:make-app", "it is not of the form module:name"),
        ("schema", "models:base", "models.py has no base"),
        ("schema", "alembic:nowhere.ini", "there is no such file"),
    ],
)
def test_a_name_that_is_not_there(tmp_path: Path, flag: str, value: str, problem: str) -> None:
    files = {"main.py": APP, "models.py": MODELS, "pytest.ini": ""}
    with pytest.raises(UnknownTargetError) as caught:
        proposed(tmp_path, files, **{flag: value})
    assert (caught.value.flag, caught.value.problem) == (f"--{flag}", problem)


def test_several_are_named_with_their_flag(tmp_path: Path) -> None:
    more = f"{MODELS}\nclass Other(DeclarativeBase): pass\n"
    more += "class Log(Other):\n    __tablename__ = 'logs'\n"
    with pytest.raises(SeveralCandidatesError) as caught:
        proposed(tmp_path, {"main.py": APP, "models.py": more, "pytest.ini": ""})
    assert (caught.value.flag, [name for name, _ in caught.value.found]) == (
        "--schema",
        ["models:Base", "models:Other"],
    )
    done = proposed(tmp_path, {}, schema="models:Other")
    assert added(done)["oneloop_schema"] == "models:Other"
    files = {f"{one}/{name}": text for one in "ab" for name, text in MIGRATIONS.items()}
    with pytest.raises(SeveralCandidatesError) as caught:
        proposed(tmp_path, files)
    assert [name for name, _ in caught.value.found] == [
        "alembic:a/alembic.ini",
        "alembic:b/alembic.ini",
    ]


def test_a_database_of_another_kind(tmp_path: Path) -> None:
    other = 'CACHE = "sqlite+aiosqlite:///cache.db"\nOLD = "mysql+aiomysql://db/old"\n'
    files = {"main.py": APP, "models.py": MODELS, "cache.py": other, "pytest.ini": ""}
    assert proposed(tmp_path, files).by_hand == [
        (
            "mysql+aiomysql (cache.py:2) is not isolated. Where tests use such an engine, "
            "oneloop_passthrough = mysql leaves it alone, without isolation."
        )
    ]
    ini = "[pytest]\noneloop_passthrough = mysql, sqlite\n"
    assert proposed(tmp_path, files | {"pytest.ini": ini}).by_hand == []


def test_an_application_that_python_does_not_find(tmp_path: Path) -> None:
    with pytest.raises(UnknownTargetError) as caught:
        proposed(tmp_path, {"pytest.ini": "", "main.py": APP}, app="no_such_module:app")
    assert caught.value.problem == "there is no module no_such_module"
    # What is installed is believed; nothing is imported to look.
    assert added(proposed(tmp_path, {}, app="httpx:app"))["oneloop_app"] == "httpx:app"


def test_what_lies_among_examples_is_not_proposed_first(tmp_path: Path) -> None:
    shop = {"shop/__init__.py": "", "shop/main.py": APP}
    files = {"pytest.ini": "", "examples/a.py": APP} | shop
    with pytest.raises(SeveralCandidatesError) as caught:
        proposed(tmp_path, files)
    assert [name for name, _ in caught.value.found] == ["shop.main:app", "a:app"]
