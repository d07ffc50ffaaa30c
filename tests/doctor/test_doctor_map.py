"""The loop map of a suite that was not run."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.doctor.case import Case
from pytest_oneloop.doctor.collecting import collect
from pytest_oneloop.doctor.mapping import loop_map
from pytest_oneloop.loops.loopmap import Crossing, Lane, LoopMap, Place, Resident, Step
from tools.command_line import oneloop
from tools.doctor_projects import PAIRS

if TYPE_CHECKING:
    from tools.projects import Project

HANDED = next(pair for pair in PAIRS if pair.code == "OL401")
GLOBAL = next(pair for pair in PAIRS if pair.code == "OL402")
ONE, TWO = "function test_it.py::test_one", "function test_it.py::test_two"
MADE = Place("conftest.py", 7)
LANES = (
    Lane(ONE, "loop of test_it.py::test_one", "function"),
    Lane(TWO, "loop of test_it.py::test_two", "function"),
)


def test_what_a_fixture_hands_across(project: Project) -> None:
    project.write(HANDED.sick)

    drawn = loop_map(Case(collect(project.folder)))

    session = Place("conftest.py", 14)
    assert drawn == LoopMap(
        title=project.folder.name,
        measured=False,
        lanes=(Lane("session", "session loop", "session"), *LANES),
        steps=(
            Step("fixture", "engine", "session", "session", MADE),
            Step("fixture", "session", "function", ONE, session),
            Step("test", "test_it.py::test_one", "function", ONE, Place("test_it.py", 5)),
            Step("fixture", "session", "function", TWO, session),
            Step("test", "test_it.py::test_two", "function", TWO, Place("test_it.py", 9)),
        ),
        residents=(Resident("pool of engine", "session", "engine", Place("conftest.py", 9)),),
        crossings=(
            Crossing("engine", "session", "engine", ONE, "session", MADE),
            Crossing("engine", "session", "engine", TWO, "session", MADE),
        ),
    )


def test_what_serves_the_whole_process(project: Project) -> None:
    project.write(GLOBAL.sick)

    drawn = loop_map(Case(collect(project.folder)))

    made = Place("database.py", 4)
    one, two = "test_it.py::test_one", "test_it.py::test_two"
    assert drawn.lanes == LANES
    assert drawn.residents == (Resident("pool of engine", ONE, one, made),)
    assert drawn.crossings == (Crossing("engine", ONE, one, TWO, two, made),)


def test_on_one_loop_nothing_crosses(project: Project) -> None:
    project.write(HANDED.sick | HANDED.mended)

    drawn = loop_map(Case(collect(project.folder)))

    assert drawn.lanes == (Lane("session", "session loop", "session"),)
    assert drawn.crossings == ()
    assert [step.name for step in drawn.steps] == [
        "engine",
        "session",
        "test_it.py::test_one",
        "test_it.py::test_two",
    ]


PLUGGED = HANDED.sick | {
    "test_plugged.py": """
import asyncio

import pytest


@pytest.fixture(scope="session")
def lock():
    return asyncio.Lock()


async def test_it(client, lock):
    await lock.acquire()


def test_plain():
    pass
""",
}


def test_a_suite_that_asks_for_the_plugin_is_drawn_with_it(project: Project) -> None:
    settings = "[pytest]\nasyncio_mode = auto\n"
    project.write(PLUGGED | {"pytest.ini": settings})

    drawn = loop_map(Case(collect(project.folder)))
    project.write({"test_plugged.py": "def test_plain():\n    pass\n"})
    without = loop_map(Case(collect(project.folder)))

    assert drawn.with_plugin
    assert [lane.name for lane in drawn.lanes] == ["session loop", "no event loop"]
    assert (drawn.residents, drawn.crossings) == ((), ())
    assert not without.with_plugin
    assert len(without.lanes) == 4
    assert len(without.crossings) == 2


@pytest.mark.parametrize(
    ("settings", "lanes"),
    [
        ("asyncio_default_test_loop_scope = function", ["session", "function", "function"]),
        ("asyncio_default_test_loop_scope = module", ["session", "module", "module"]),
        ("asyncio_default_fixture_loop_scope = module", ["session", "module", "module"]),
    ],
)
def test_what_the_project_has_set_holds_with_the_plugin_too(
    project: Project, settings: str, lanes: list[str]
) -> None:
    project.write(PLUGGED | {"pytest.ini": f"[pytest]\nasyncio_mode = auto\n{settings}\n"})

    drawn = loop_map(Case(collect(project.folder)))

    assert drawn.with_plugin
    scopes = [lane.scope for lane in drawn.lanes if lane.is_loop]
    assert scopes[: len(lanes)] == lanes
    assert {crossing.name for crossing in drawn.crossings} <= {"lock"}


def test_tests_that_need_no_loop_are_counted_apart(project: Project) -> None:
    project.write(HANDED.sick | {"test_plain.py": "def test_plain():\n    pass\n"})

    finished = oneloop(project.folder, "doctor", "--map")

    assert (
        "2 tests run on 3 event loops, 1 on none. 1 object crosses from the loop that made it, to "
        "2 other loops."
    ) in " ".join(finished.stdout.split())
    assert "lives" not in next(one for one in finished.stdout.splitlines() if "no event" in one)


def test_the_map_is_drawn_in_the_terminal(project: Project) -> None:
    project.write(HANDED.sick)

    finished = oneloop(project.folder, "doctor", "--map")

    assert "engine of the session loop crosses" in finished.stdout
    assert "session loop" in finished.stdout
    assert "\x1b" not in finished.stdout
    assert " \n" not in finished.stdout
    assert max(map(len, finished.stdout.splitlines())) <= 80
    assert (finished.stderr, finished.returncode) == ("", 1)


def test_the_map_is_written_as_a_page(project: Project) -> None:
    project.write(HANDED.sick)

    finished = oneloop(project.folder, "doctor", "--map", "map.html")

    assert finished.stdout.endswith("The loop map is in map.html\n")
    page = (project.folder / "map.html").read_text()
    assert page.lower().startswith("<!doctype html>")
    assert "conftest.py:7" in page


def test_the_map_in_json(project: Project) -> None:
    project.write(HANDED.sick)

    finished = oneloop(project.folder, "doctor", "--json", "--map")

    shown = json.loads(finished.stdout)
    assert LoopMap.from_json(shown["map"]) == loop_map(Case(collect(project.folder)))
    assert len(shown["findings"]) == 1


def test_the_picture_of_the_documentation_is_what_the_code_draws_now() -> None:
    script = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "draw_loop_map.py"))

    drawn = script["picture"]()

    # If it is not, `.venv/bin/python scripts/draw_loop_map.py` draws it anew: look at it then.
    assert script["PICTURE"].read_text(encoding="utf-8") == drawn
