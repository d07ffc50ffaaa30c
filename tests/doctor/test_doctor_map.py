"""The loop map of a suite that was not run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

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


def test_the_map_is_drawn_in_the_terminal(project: Project) -> None:
    project.write(HANDED.sick)

    finished = oneloop(project.folder, "doctor", "--map")

    assert "engine of the session loop crosses" in finished.stdout
    assert "session loop" in finished.stdout
    assert "\x1b" not in finished.stdout
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
