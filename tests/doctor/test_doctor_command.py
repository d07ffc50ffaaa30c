"""The command `oneloop doctor`: what it prints, what it writes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.command_line import oneloop
from tools.doctor_projects import PAIRS

if TYPE_CHECKING:
    from tools.projects import Project

SICK = next(pair for pair in PAIRS if pair.code == "OL402").sick


def test_json_is_one_object(project: Project) -> None:
    project.write(SICK)

    finished = oneloop(project.folder, "doctor", "--json")

    shown = json.loads(finished.stdout)
    [finding] = shown.pop("findings")
    assert shown == {"tests": 2, "deselected": 0}
    assert finding == {
        "code": "OL402",
        "severity": "error",
        "path": "database.py",
        "line": 4,
        "message": "one engine (engine) serves the whole process, and tests use it on 2 event "
        "loops: what one of them opened is used on the next, “attached to a different loop”.",
        "fix": "run everything on one loop: asyncio_mode = auto, "
        "asyncio_default_test_loop_scope = session, asyncio_default_fixture_loop_scope = session "
        "in pytest's configuration (oneloop doctor --fix writes them).",
        "with_oneloop": "fixed",
    }
    assert (finished.stderr, finished.returncode) == ("", 1)


def test_nothing_is_run(project: Project) -> None:
    project.write(
        {
            "pytest.ini": SICK["pytest.ini"] + "oneloop_strategy = rollback\n",
            "conftest.py": "import pytest\n\n\n"
            "def pytest_configure(config):\n"
            '    assert not config.pluginmanager.hasplugin("oneloop")\n\n\n'
            "@pytest.fixture(autouse=True, scope='session')\ndef left():\n    open('ran', 'w')\n",
            "test_it.py": "def test_it():\n    open('ran', 'w')\n",
        }
    )

    finished = oneloop(project.folder, "doctor")

    assert finished.stdout == "1 test read: nothing is found.\n"
    assert finished.stderr == ""
    assert not (project.folder / "ran").exists()


def test_fix_writes_the_configuration_alone(project: Project) -> None:
    project.write(SICK)
    before = {path: path.read_text() for path in project.folder.glob("*.py")}

    finished = oneloop(project.folder, "doctor", "--fix")

    _, _, after = finished.stdout.partition("2 tests read: 1 error, 0 warnings.\n\n")
    assert after == (
        "  --- pytest.ini\n"
        "  +++ pytest.ini\n"
        "  @@ -2,4 +2,5 @@\n"
        "   [pytest]\n"
        "   pythonpath = .\n"
        "   asyncio_mode = auto\n"
        "  -asyncio_default_fixture_loop_scope = function\n"
        "  +asyncio_default_fixture_loop_scope = session\n"
        "  +asyncio_default_test_loop_scope = session\n"
        "pytest.ini is written. What is found now:\n\n"
        "2 tests read: nothing is found.\n"
    )
    assert (finished.stderr, finished.returncode) == ("", 0)
    assert {path: path.read_text() for path in project.folder.glob("*.py")} == before


def test_fix_changes_nothing_where_the_configuration_is_no_cause(project: Project) -> None:
    project.write(next(pair for pair in PAIRS if pair.code == "OL405").sick)
    before = (project.folder / "pytest.ini").read_text()

    finished = oneloop(project.folder, "doctor", "--fix")

    assert finished.stdout.endswith("Nothing is written: no finding is mended by configuration.\n")
    assert finished.returncode == 1
    assert (project.folder / "pytest.ini").read_text() == before


def test_fix_in_json_has_the_difference(project: Project) -> None:
    configuration = '[tool.pytest.ini_options]\nasyncio_mode = "auto"\n'
    project.write({**SICK, "pyproject.toml": configuration})
    (project.folder / "pytest.ini").unlink()

    finished = oneloop(project.folder, "doctor", "--fix", "--json")

    assert json.loads(finished.stdout) == {
        "findings": [],
        "tests": 2,
        "deselected": 0,
        "diff": "--- pyproject.toml\n+++ pyproject.toml\n@@ -1,2 +1,4 @@\n"
        ' [tool.pytest.ini_options]\n asyncio_mode = "auto"\n'
        '+asyncio_default_test_loop_scope = "session"\n'
        '+asyncio_default_fixture_loop_scope = "session"\n',
    }
    assert finished.returncode == 0


def test_a_project_that_forbids_warnings_and_caches(project: Project) -> None:
    project.write(
        {
            "pytest.ini": "[pytest]\nasyncio_mode = auto\noneloop_app = app:app\n"
            "addopts = -W error --strict-config -p no:cacheprovider\n",
            "test_it.py": "async def test_it(): ...\n",
        }
    )

    finished = oneloop(project.folder, "doctor")

    assert finished.stdout == "1 test read: nothing is found.\n"
    assert (finished.stderr, finished.returncode) == ("", 0)


def test_a_part_of_a_suite_is_read_with_the_configuration_of_the_whole(project: Project) -> None:
    project.write(SICK | {"part/test_more.py": "def test_more(): ...\n"})

    finished = oneloop(project.folder, "doctor", "part/test_more.py")

    assert finished.stdout == "1 test read: nothing is found.\n"


PARTLY = {
    "pytest.ini": "[pytest]\naddopts = -m 'not slow'\nmarkers = slow\n",
    "test_it.py": """
import pytest


def test_one(): ...


@pytest.mark.slow
def test_two(): ...


@pytest.mark.slow
def test_three(): ...
""",
}


def test_what_was_not_read_is_said(project: Project) -> None:
    project.write(PARTLY)

    finished = oneloop(project.folder, "doctor")
    shown = json.loads(oneloop(project.folder, "doctor", "--json").stdout)

    assert finished.stdout == (
        "1 test read: nothing is found.\n"
        "2 tests were not read: pytest deselects them, by -m 'not slow'.\n"
    )
    assert (finished.stderr, finished.returncode) == ("", 0)
    assert (shown["tests"], shown["deselected"]) == (1, 2)


def test_what_a_conftest_leaves_out_is_said(project: Project) -> None:
    leave_out = """
def pytest_collection_modifyitems(config, items):
    config.hook.pytest_deselected(items=items[1:2])
    del items[1:2]
"""
    project.write(PARTLY | {"pytest.ini": "[pytest]\nmarkers = slow\n", "conftest.py": leave_out})

    finished = oneloop(project.folder, "doctor")

    assert finished.stdout == (
        "2 tests read: nothing is found.\n1 test was not read: pytest deselects it.\n"
    )


BAD = {
    "no-tests": (
        {"notes.txt": ""},
        ["."],
        (
            "oneloop: OL521: There is no pytest project in .: pytest collects no test there. "
            "Name the folder of the project: oneloop doctor PATH.\n"
        ),
    ),
    "no-such-path": (
        {},
        ["nowhere"],
        (
            "oneloop: OL522: There is no file or folder nowhere. "
            "Name a project, a folder of tests, or a file of tests.\n"
        ),
    ),
    "conftest": (
        {"conftest.py": "import no_such_module\n", "test_it.py": "def test_it(): ...\n"},
        [],
        (
            "oneloop: OL523: conftest.py cannot be imported: ModuleNotFoundError: No module named "
            "'no_such_module'. Make `pytest --collect-only` pass first.\n"
        ),
    ),
    "conftest-below": (
        {"sub/conftest.py": "1 / 0\n", "sub/test_it.py": "def test_it(): ...\n"},
        [],
        (
            "oneloop: OL523: sub cannot be imported: ZeroDivisionError: division by zero. "
            "Make `pytest --collect-only` pass first.\n"
        ),
    ),
    "tests": (
        {"test_one.py": "def test_it(:\n", "test_two.py": "import no_such_module\n"},
        [],
        (
            "oneloop: OL523: test_one.py cannot be imported: SyntaxError: invalid syntax "
            "(test_one.py, line 1) (1 more file cannot be, either). "
            "Make `pytest --collect-only` pass first.\n"
        ),
    ),
    "deselected": (
        {
            "pytest.ini": "[pytest]\naddopts = -k nothing\n",
            "test_it.py": "def test_one(): ...\n\n\ndef test_two(): ...\n",
        },
        ["."],
        (
            "oneloop: OL528: pytest deselects all 2 tests in ., by -k nothing. "
            "Take out what deselects them, and call the doctor again.\n"
        ),
    ),
    "option": (
        {"pytest.ini": "[pytest]\naddopts = --no-such-option\n"},
        [],
        (
            "oneloop: OL524: pytest cannot collect the suite: unrecognized arguments: "
            "--no-such-option. Make `pytest --collect-only` pass first.\n"
        ),
    ),
    "map-name": (
        {"test_it.py": "def test_it(): ...\n"},
        ["--map", "test_it.py"],
        (
            "oneloop: OL526: The loop map cannot be written to test_it.py: a page's name ends in "
            ".html. Write the project first: oneloop doctor PATH --map map.html.\n"
        ),
    ),
    "map-folder": (
        {"test_it.py": "def test_it(): ...\n", "map.html/it": ""},
        ["--map", "map.html"],
        (
            "oneloop: OL527: The loop map cannot be written to map.html: is a directory. "
            "Name another file; nothing has been written.\n"
        ),
    ),
    "argument": (
        {},
        ["--jsn"],
        "oneloop: unrecognized arguments: --jsn; see oneloop --help\n",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line(name: str, project: Project) -> None:
    files, arguments, line = BAD[name]
    project.write(files)
    before = sorted(path for path in project.folder.rglob("*") if "__pycache__" not in path.parts)

    finished = oneloop(project.folder, "doctor", *arguments)

    assert finished.stderr == line
    assert (finished.stdout, finished.returncode) == ("", 2)
    after = sorted(path for path in project.folder.rglob("*") if "__pycache__" not in path.parts)
    assert after == before
    assert {name: Path(project.folder / name).read_text() for name in files} == files


def test_a_configuration_that_may_not_be_written(project: Project) -> None:
    project.write(SICK)
    (project.folder / "pytest.ini").unlink()
    (project.folder / "pytest.ini").symlink_to("/proc/version")

    finished = oneloop(project.folder, "doctor", "--fix")

    assert finished.returncode == 2
    assert finished.stdout == ""
    assert finished.stderr.count("\n") == 1
