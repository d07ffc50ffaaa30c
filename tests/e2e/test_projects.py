"""Small projects as people write them, with the frameworks and ORMs that they use.

Each is run by the built wheel, in a virtual environment that holds only the wheel and what the
projects name. Off, the same tests run on a real database, and have to fail.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.errors.addresses import SharedDatabaseWarning
from tools.projects import Project
from tools.servers import database_url
from tools.wheels import build_wheel, make_environment

if TYPE_CHECKING:
    from pytest_oneloop.databases.address import ServerAddress

PROJECTS = Path(__file__).with_name("projects")

# The environment takes most of it; everything of it is made before the first test.
pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Kind:
    """A project, and what is to be seen of it.

    Attributes:
        folder: Its name.
        tests: How many tests it has.
        app: Its application.
        schema: Where its tables come from.
        real: How many of its tests need real commits under `auto`.
    """

    folder: str
    tests: int
    app: str
    schema: str
    real: int = 0


KINDS = [
    Kind("fastapi_users_club", 7, "club.main:app", "alembic"),
    Kind("litestar_library", 14, "library.app:app", "library.models:metadata"),
    Kind("replicas_news", 6, "news.main:app", "news.database:Base"),
    Kind("schemas_ledger", 6, "ledger.main:app", "alembic"),
    Kind("sqlmodel_heroes", 11, "heroes.main:app", "heroes.models:SQLModel"),
    Kind("starlette_notes", 9, "notes.app:create_app()", "notes.tables:metadata"),
    Kind("sync_and_async", 12, "shipping.api:app", "shipping.models:Base", real=6),
    Kind("tenants_todo", 8, "todo.main:app", "todo.setup:create_shared"),
    Kind("two_databases", 10, "shop.main:app", "shop.sessions:create_all"),
]

THREADED = ("sqlmodel_heroes", "sync_and_async")
"""Those with endpoints that run in the thread pool."""

REPLICAS = next(kind for kind in KINDS if kind.folder == "replicas_news")
ADDRESSES = ("replica.invalid/news", "primary.invalid/news")

TWO = next(kind for kind in KINDS if kind.folder == "two_databases")

_LISTED = re.compile(r"^(PASSED|FAILED|ERROR) tests/\w+\.py::(\w+)\[\d\]", re.MULTILINE)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the wheel, and what all projects name."""
    folder = tmp_path_factory.mktemp("environment")
    named = [
        word for file in sorted(PROJECTS.glob("*/requirements.txt")) for word in ("-r", str(file))
    ]
    programs = make_environment(
        folder / "venv",
        *("--constraint", str(PROJECTS / "constraints.txt")),
        *named,
        f"{build_wheel(folder)}[postgres]",
    )
    return programs / "python"


@pytest.fixture(params=KINDS, ids=lambda kind: kind.folder)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture
def project(kind: Kind, python: Path, tmp_path: Path) -> Project:
    """Return a copy of the project."""
    folder = tmp_path / kind.folder
    shutil.copytree(
        PROJECTS / kind.folder,
        folder,
        ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"),
    )
    return Project(folder, python=str(python))


def test_every_project_has_its_runs() -> None:
    named = {file.parent.name for file in PROJECTS.glob("*/requirements.txt")}
    assert named == {kind.folder for kind in KINDS}


def test_no_project_has_a_word_about_databases_for_its_tests() -> None:
    assert list(PROJECTS.glob("*/**/conftest.py")) == []
    tests = [path.read_text(encoding="utf-8") for path in PROJECTS.glob("*/tests/*.py")]
    assert not [text for text in tests if "create_all" in text or "override" in text]


def test_on_all_pass(kind: Kind, project: Project, cache: Path) -> None:
    done = project.run("-v", "-W", "error", ONELOOP_CACHE_DIR=str(cache))

    assert done.counts == {"passed": kind.tests}, done.output
    # What the sandbox cannot show would be run again, and pass, on a real database.
    assert done.output.count("ran under") == kind.real, done.output


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.folder in THREADED], indirect=True)
def test_threads_share_a_real_database(kind: Kind, project: Project, cache: Path) -> None:
    done = project.run("-W", "error", "--oneloop-strategy", "commit", ONELOOP_CACHE_DIR=str(cache))

    assert done.counts == {"passed": kind.tests}, done.output


@pytest.mark.parametrize("kind", [REPLICAS], indirect=True)
def test_two_addresses_are_told_of_unless_they_are_one_database(
    project: Project, cache: Path
) -> None:
    alias = 'oneloop_alias = "replica.invalid/news=primary.invalid/news"\n'
    done = project.run("-q", ONELOOP_CACHE_DIR=str(cache))
    project.change("pyproject.toml", alias, "")
    told = project.run("-q", ONELOOP_CACHE_DIR=str(cache))

    assert done.code == told.code == 0
    assert "OL230" not in done.output
    assert told.output.count(str(SharedDatabaseWarning(addresses=ADDRESSES))) == 1, told.output


@pytest.mark.parametrize("kind", [TWO], indirect=True)
def test_two_databases_are_one_unless_they_are_named(project: Project, tmp_path: Path) -> None:
    named = 'oneloop_databases = ["analytics = shop.analytics:Base"]\n'
    project.change("pyproject.toml", named, "")

    # Only the run that builds the template sees what the migrations connect to.
    for built in ("db.invalid/shop", None):
        told = project.run("--tb=line", ONELOOP_CACHE_DIR=str(tmp_path / "cache"))

        # There is one set of migrations, so one of them has no tables.
        assert told.counts["failed"] == TWO.tests, told.output
        addresses = ["db.invalid/shop", "bi.invalid/analytics"]
        text = str(SharedDatabaseWarning(addresses=addresses, built=built))
        assert told.output.count(text) == 1, told.output


@pytest.mark.parametrize("kind", [TWO], indirect=True)
@pytest.mark.parametrize("strategy", ["commit", "clone"])
def test_two_databases_are_put_back_both(project: Project, cache: Path, strategy: str) -> None:
    done = project.run("-W", "error", "--oneloop-strategy", strategy, ONELOOP_CACHE_DIR=str(cache))

    assert done.counts == {"passed": TWO.tests}, done.output
    shown = [line for line in done.output.splitlines() if line.startswith("oneloop: ")]
    assert " schema alembic 1 revision " in shown[0]
    assert shown[1].startswith("oneloop: analytics on PostgreSQL ")
    assert shown[1].endswith(" schema shop.analytics:Base")


def test_off_tests_find_what_others_left(
    kind: Kind, project: Project, tcp_database: ServerAddress
) -> None:
    done = project.run(
        *("-p", "no:oneloop", "-p", "plain", "-rA", "--tb=no"),
        *("-o", "asyncio_default_test_loop_scope=session"),
        *("-o", "asyncio_default_fixture_loop_scope=session"),
        PYTHONPATH=str(PROJECTS),
        DATABASE_URL=database_url(tcp_database, "postgresql"),
        APP=kind.app,
        SCHEMA=kind.schema,
    )

    found: dict[str, Counter[str]] = {}
    for outcome, name in _LISTED.findall(done.output):
        found.setdefault(name, Counter())[outcome] += 1
    assert len(found) > 1
    assert all(pair["FAILED"] and not pair["ERROR"] for pair in found.values()), done.output
    # The first one is alone with a database that is as it should be.
    first = next(iter(found))
    assert done.output.count(f"PASSED tests/{_file_of(done.output)}::{first}[0]") == 1, done.output


def _file_of(output: str) -> str:
    [name] = set(re.findall(r"tests/(\w+\.py)::", output))
    return str(name)
