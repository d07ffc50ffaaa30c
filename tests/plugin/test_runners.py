"""The example's tests under every runner and loop scope, each run in a process of its own.

What is counted is exact, every warning is an error, and the header says which loop it is.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.projects import shop

if TYPE_CHECKING:
    from tools.projects import Finished, Project

pytestmark = pytest.mark.server

PYTEST_ASYNCIO = tuple(map(int, version("pytest-asyncio").split(".")[:2]))
RUNNERS = Path(__file__).parents[1] / "runners"
SHOP_TESTS = 78
SCOPES = ("function", "class", "module", "package", "session")
TEST_SCOPE = "asyncio_default_test_loop_scope"
FIXTURE_SCOPE = "asyncio_default_fixture_loop_scope"
BY_ONELOOP = "loop session (set by oneloop)"
TROUBLE = re.compile(r"\w*Warning\b|Exception ignored|never (awaited|retrieved)|Traceback")

UNSET = re.compile(
    rf'^.*Warning: The configuration option "{FIXTURE_SCOPE}" is unset\.\n'
    r"(?s:.*?)warnings\.warn\(.*$",
    re.MULTILINE,
)
"""What older releases of pytest-asyncio say of fixtures whose loop scope is left to themselves.

The older releases of pytest show that whatever the filters say.
"""


@dataclass(frozen=True)
class Way:
    """One way to run the example's own tests.

    Attributes:
        name: What to call it.
        loop: What the header says of the loop; empty for nothing.
        options: pytest's.
        configured: Lines for pytest's section of `pyproject.toml`.
        mark: What each test module is marked with.
        drop_mode: Whether to take out `asyncio_mode`, which pytest knows only with pytest-asyncio.
    """

    name: str
    loop: str
    options: tuple[str, ...] = ()
    configured: tuple[str, ...] = ()
    mark: str = ""
    drop_mode: bool = False


WAYS = [
    Way("auto", BY_ONELOOP),
    Way("strict", BY_ONELOOP, ("-o", "asyncio_mode=strict"), mark="asyncio"),
    *(
        Way(f"tests-{scope}-in-the-file", f"loop {scope} (set by {TEST_SCOPE})", configured=(line,))
        for scope in ("function", "module")
        for line in (f'{TEST_SCOPE} = "{scope}"',)
    ),
    *(
        Way(
            f"tests-{scope}-on-the-command-line",
            f"loop {scope} (set by {TEST_SCOPE})",
            ("-o", f"{TEST_SCOPE}={scope}"),
        )
        for scope in ("class", "package", "session")
    ),
    *(
        Way(
            f"tests-{scope}-by-marker",
            BY_ONELOOP,
            ("-o", f"asyncio_mode={mode}"),
            mark=f'asyncio(loop_scope="{scope}")',
        )
        for scope, mode in zip(SCOPES, ("strict", "auto") * 3, strict=False)
    ),
    *(
        Way(
            f"only-fixtures-{scope}",
            f"loop {scope} (set by {FIXTURE_SCOPE})",
            ("-o", f"{FIXTURE_SCOPE}={scope}"),
        )
        for scope in ("function", "module")
    ),
    Way(
        "both-set",
        f"loop function (set by {TEST_SCOPE})",
        configured=(f'{TEST_SCOPE} = "function"', f'{FIXTURE_SCOPE} = "session"'),
    ),
    Way(
        "anyio-auto",
        "",
        ("-p", "no:asyncio"),
        configured=('anyio_mode = "auto"',),
        drop_mode=True,
    ),
    Way("anyio-by-marker", "", ("-p", "no:asyncio"), mark="anyio", drop_mode=True),
    Way(
        "anyio-beside-pytest-asyncio",
        BY_ONELOOP,
        ("-o", "asyncio_mode=strict"),
        mark="anyio",
    ),
]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a copy of the example."""
    return shop(tmp_path / "shop", PYTHONWARNINGS="always::ResourceWarning")


def run(project: Project, tests: int, *options: str, **environment: str) -> Finished:
    """Run its tests, and let nothing but so many that pass count."""
    done = project.run("-W", "error", *options, **environment)
    assert done.counts == {"passed": tests}, done.output
    assert done.code == 0
    assert not TROUBLE.search(UNSET.sub("", done.output)), done.output
    return done


def replace_tests(project: Project, folder: Path) -> None:
    """Put other test files in the place of the example's own."""
    for own in (project.folder / "tests").glob("test_*.py"):
        own.unlink()
    add_tests(project, folder)


def add_tests(project: Project, folder: Path) -> None:
    for file in folder.glob("*.py"):
        shutil.copy(file, project.folder / "tests")


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_the_example(way: Way, project: Project) -> None:
    if way.drop_mode:
        project.change("pyproject.toml", 'asyncio_mode = "auto"\n', "")
    if way.configured:
        text = (project.folder / "pyproject.toml").read_text()
        lines = "\n".join(way.configured)
        project.write({"pyproject.toml": f"{text}{lines}\n"})
    if way.mark:
        for path in (project.folder / "tests").glob("test_*.py"):
            mark = f"\n\nimport pytest\n\npytestmark = pytest.mark.{way.mark}\n"
            path.write_text(path.read_text() + mark)

    done = run(project, SHOP_TESTS, *way.options)

    assert done.header.partition("strategy auto")[2].removeprefix(" \u00b7 ") == way.loop


@pytest.mark.parametrize(
    ("folder", "tests"), [("unittest_cases", 7), ("test_client", 10), ("asyncio_run", 4)]
)
def test_without_pytest_asyncio(folder: str, tests: int, project: Project) -> None:
    replace_tests(project, RUNNERS / folder)
    run(project, tests)
    project.change("pyproject.toml", 'asyncio_mode = "auto"\n', "")
    run(project, tests, "-p", "no:asyncio")


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_asynchronous_fixtures_of_the_project(mode: str, project: Project) -> None:
    replace_tests(project, RUNNERS / "own_fixtures")
    run(project, 7, "-o", f"asyncio_mode={mode}", MODE=mode)


@pytest.mark.parametrize("fixture", ["client", "db_session", "oneloop_app", "oneloop_database_url"])
def test_a_fixture_of_the_project_wins(fixture: str, project: Project) -> None:
    replace_tests(project, RUNNERS / "overrides" / fixture)
    run(project, 2)


def test_all_kinds_in_one_run(project: Project) -> None:
    for folder in ("unittest_cases", "test_client", "asyncio_run"):
        add_tests(project, RUNNERS / folder)
    run(project, SHOP_TESTS + 7 + 10 + 4, "-p", "no:randomly")


BY_HOOK = """
import uvloop


def pytest_asyncio_loop_factories(config, item):
    return {"uvloop": uvloop.new_event_loop}
"""
BY_FIXTURE = """
import pytest
import uvloop


@pytest.fixture(scope="session")
def event_loop_policy():
    return uvloop.EventLoopPolicy()
"""


def test_uvloop_with_a_loop_for_each_test(project: Project) -> None:
    # The hook came with pytest-asyncio 1.4, which took the fixture's place.
    conftest = BY_HOOK if PYTEST_ASYNCIO >= (1, 4) else BY_FIXTURE
    checked = """
import asyncio


async def test_the_loop_is_of_uvloop(client):
    assert type(asyncio.get_running_loop()).__module__.startswith("uvloop")
    assert (await client.get("/settings")).status_code == 200
"""
    project.write({"conftest.py": conftest, "tests/test_loop.py": checked})
    run(project, SHOP_TESTS + 1, "-o", f"{TEST_SCOPE}=function")
