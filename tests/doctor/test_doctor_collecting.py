"""The suite as the doctor gets it from pytest: definitions, loops, runners."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.doctor import collecting
from pytest_oneloop.doctor.case import Case
from pytest_oneloop.doctor.collecting import collect
from pytest_oneloop.errors.doctor import CollectionFailedError, CollectionTimeoutError
from tools.doctor_projects import PAIRS

if TYPE_CHECKING:
    from tools.projects import Project

FILES = {
    "pytest.ini": "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = session\n"
    "asyncio_default_test_loop_scope = module\naddopts = --strict-config --strict-markers\n"
    "oneloop_app = app:app\n",
    "conftest.py": """
import pytest
import pytest_asyncio


@pytest.fixture(scope="session")
async def outer():
    return 1


@pytest.fixture
def value(outer):
    return outer


@pytest_asyncio.fixture(loop_scope="class")
async def own(value):
    return value
""",
    "part/test_part.py": """
import unittest

import pytest


@pytest.fixture
def value(value):
    return value


async def test_override(value, own): ...


def test_plain(client): ...


@pytest.mark.oneloop
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("number", [1, 2])
async def test_marked(number): ...


class TestCase(unittest.IsolatedAsyncioTestCase):
    async def test_case(self): ...
""",
}


def test_the_suite(project: Project) -> None:
    """Fails if pytest gives the definitions of fixtures in another way than it does today."""
    project.write(FILES)

    suite = collect(project.folder)

    assert (suite.root, suite.tests, suite.mode) == (project.folder, 5, "auto")
    assert (suite.fixture_loop_scope, suite.test_loop_scope) == ("session", "module")
    assert suite.chosen
    assert suite.relies_on_plugin
    assert [(group.runner, group.loop_scope, len(group.tests)) for group in suite.groups] == [
        ("asyncio", "module", 1),
        ("sync", "function", 1),
        ("asyncio", "session", 2),
        ("unittest", "function", 1),
    ]
    [marked] = {test.marked_by for test in suite.groups[2].tests}
    assert marked == ("part/test_part.py::test_marked",)


def test_a_fixture_that_overrides_another_is_given_it(project: Project) -> None:
    project.write(FILES)
    suite = collect(project.folder)
    group = suite.groups[0]
    case = Case(suite)

    value = group.closure.named("value")
    own = group.closure.named("own")

    assert value is not None
    assert own is not None
    assert str(value.place) == "part/test_part.py:7"
    assert [str(one.place) for one in group.closure.needs(value)] == ["conftest.py:11"]
    assert [str(one.place) for one in group.closure.needs(own)] == ["part/test_part.py:7"]
    assert [(one.name, case.loop_scope(one, group)) for one in case.in_order(group)] == [
        ("outer", "session"),
        ("value", None),
        ("value", None),
        ("own", "class"),
    ]


def test_anyio_keeps_a_loop_for_as_long_as_a_fixture(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p anyio.pytest_plugin")
    project.write(
        {
            "conftest.py": "import pytest\n\n\n@pytest.fixture(scope='session')\n"
            "def anyio_backend():\n    return 'asyncio'\n\n\n"
            "@pytest.fixture(scope='session')\nasync def lasting():\n    return 1\n",
            "test_it.py": "import pytest\n\npytestmark = pytest.mark.anyio\n\n\n"
            "async def test_one(lasting): ...\n\n\nasync def test_two(): ...\n",
        }
    )

    suite = collect(project.folder)

    assert suite.mode is None
    assert [(group.runner, group.loop_scope) for group in suite.groups] == [
        ("anyio", "session"),
        ("anyio", "function"),
    ]


def test_collecting_has_a_deadline(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write({"conftest.py": "import time\n\ntime.sleep(600)\n"})
    monkeypatch.setattr(collecting, "SECONDS", 3.0)

    with pytest.raises(CollectionTimeoutError, match="did not finish collecting within 3 s"):
        collect(project.folder)

    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(project.folder) not in listed.stdout


def test_the_doctor_imports_nothing_of_the_suite(project: Project) -> None:
    project.write(PAIRS[0].sick)
    before = set(sys.modules)

    Case(collect(project.folder))

    assert {"conftest", "test_it", "database"} & (set(sys.modules) - before) == set()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            "import sys\nsys.exit(3)\n",
            (
                "it ended with exit code 3 and said nothing, as where a conftest.py or a module of "
                "the project calls sys.exit()"
            ),
        ),
        (
            "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n",
            "SIGSEGV ended it while the tests were imported",
        ),
    ],
    ids=["exit", "signal"],
)
def test_a_conftest_that_ends_the_process(project: Project, code: str, reason: str) -> None:
    project.write({"conftest.py": code, "test_it.py": "def test_one(): ...\n"})
    with pytest.raises(CollectionFailedError) as caught:
        collect(project.folder)
    assert caught.value.reason == reason
