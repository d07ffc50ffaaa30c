"""Folding a loop map: few steps stay as they are, many become one box for each module."""

from __future__ import annotations

from pytest_oneloop.loops.loopmap import Crossing, Lane, LoopMap, Resident, Step
from pytest_oneloop.maps.fold import FEW, MANY, RESIDENTS, fold
from tools.example_maps import NOTHING, everything, suite


def test_few_steps_stay_as_they_are() -> None:
    loop_map = everything()

    folded = fold(loop_map)

    assert folded.by == "test"
    assert [block.steps for block in folded.blocks] == [(step,) for step in loop_map.steps]
    assert [loop.lanes for loop in folded.loops] == [(lane,) for lane in loop_map.lanes]
    assert [arrow.crossings for arrow in folded.arrows] == [(it,) for it in loop_map.crossings]


def test_a_module_becomes_one_box_of_each_kind() -> None:
    folded = fold(suite(100, loops=False))

    assert folded.by == "module"
    assert [(block.kind, block.name, len(block.steps)) for block in folded.blocks[:3]] == [
        ("fixture", "engine", 1),
        ("fixture", "db_session", 20),
        ("test", "tests/test_part_00.py", 20),
    ]
    assert len(folded.blocks) == 1 + 2 * 5
    assert [loop.name for loop in folded.loops] == ["session loop"]


def test_loops_of_one_module_become_one_lane() -> None:
    folded = fold(suite(100, loops=True))

    assert [loop.name for loop in folded.loops[:2]] == [
        "session loop",
        "20 loops in tests/test_part_00.py",
    ]
    assert [len(loop.lanes) for loop in folded.loops] == [1, 20, 20, 20, 20, 20]
    assert [len(arrow.crossings) for arrow in folded.arrows] == [20] * 5
    assert {arrow.source for arrow in folded.arrows} == {0}
    assert [arrow.target for arrow in folded.arrows] == [1, 3, 5, 7, 9]


def test_nothing_is_lost() -> None:
    for tests in (0, 1, 10, 100, 1000, 3000):
        for loops in (True, False):
            loop_map = suite(tests, loops=loops)
            folded = fold(loop_map)
            assert sorted(step.name for block in folded.blocks for step in block.steps) == sorted(
                step.name for step in loop_map.steps
            )
            assert sorted(lane.key for loop in folded.loops for lane in loop.lanes) == sorted(
                lane.key for lane in loop_map.lanes
            )
            assert sum(len(arrow.crossings) for arrow in folded.arrows) == len(loop_map.crossings)
            assert len(folded.blocks) <= max(FEW, MANY)


def test_too_many_modules_are_folded_by_folder() -> None:
    steps = tuple(
        Step("test", f"tests/part_{number % 7}/test_{number}.py::test_it", "function", "s")
        for number in range(MANY + 1)
    )
    loop_map = LoopMap("shop", measured=False, lanes=(Lane("s", "s", "session"),), steps=steps)

    folded = fold(loop_map)

    assert folded.by == "folder"
    assert [block.name for block in folded.blocks] == [f"tests/part_{n}" for n in range(7)]
    assert [block.name for block in fold(loop_map, many=6).blocks] == ["tests"]
    assert [block.name for block in fold(loop_map, many=0).blocks] == ["all folders"]


def test_a_fixture_of_the_session_is_never_folded_with_others() -> None:
    wide = (
        Step("fixture", "engine", "session", "s"),
        Step("fixture", "redis", "session", "s"),
        Step("fixture", "search", "package", "s"),
    )
    tests = tuple(Step("test", f"test_a.py::test_{n}", "function", "s") for n in range(FEW))
    lanes = (Lane("s", "session loop", "session"),)

    folded = fold(LoopMap("shop", measured=False, lanes=lanes, steps=(*wide, *tests)))

    assert [block.name for block in folded.blocks] == ["engine", "redis", "search", "test_a.py"]


def test_a_fixture_belongs_to_the_next_test_of_its_own_loop() -> None:
    # Of two processes, each has its own tests, and their steps are mixed.
    lanes = (Lane("a", "loop of a", "function"), Lane("b", "loop of b", "function"))
    steps = (
        Step("fixture", "db", "function", "a"),
        Step("fixture", "db", "function", "b"),
        Step("test", "test_b.py::test_it", "function", "b"),
        Step("test", "test_a.py::test_it", "function", "a"),
    )

    folded = fold(LoopMap("shop", measured=True, lanes=lanes, steps=steps), few=0)

    assert [(block.loop, block.home) for block in folded.blocks] == [
        (0, "test_a.py::test_it"),
        (1, "test_b.py::test_it"),
        (1, "test_b.py::test_it"),
        (0, "test_a.py::test_it"),
    ]


def test_times_of_a_box_are_those_of_its_steps() -> None:
    [*_, box] = fold(suite(100, loops=False, measured=True)).blocks

    assert box.started == 0.2 + 80 / 64 + 0.003
    assert box.seconds is not None
    assert round(box.seconds, 6) == 20 * 0.0123
    assert fold(suite(1, loops=False)).blocks[0].seconds is None


def test_few_residents_are_named_and_the_others_counted() -> None:
    names = [f"client {number}" for number in range(RESIDENTS + 3)]
    residents = tuple(Resident(name, "s", "engine") for name in names)
    steps = (Step("fixture", "engine", "session", "s"),)
    lanes = (Lane("s", "session loop", "session"),)

    many = fold(LoopMap("shop", measured=False, lanes=lanes, steps=steps, residents=residents))
    few = fold(
        LoopMap("shop", measured=False, lanes=lanes, steps=steps, residents=residents[:RESIDENTS])
    )

    assert [guest.name for guest in many.guests] == [*names[: RESIDENTS - 1], ""]
    assert len(many.guests[-1].residents) == 4
    assert [guest.name for guest in few.guests] == names[:RESIDENTS]
    assert {guest.block for guest in many.guests} == {0}


def test_what_no_step_made_or_used_is_of_the_loop() -> None:
    lanes = (Lane("o", "loop of asyncio.run", "other"), Lane("s", "session loop", "session"))
    steps = (Step("fixture", "engine", "session", "s"),)
    crossing = Crossing("pool", "o", "env.py", "s", "a background task")

    folded = fold(LoopMap("shop", measured=False, lanes=lanes, steps=steps, crossings=(crossing,)))

    [arrow] = folded.arrows
    assert (arrow.source, arrow.source_loop) == (None, 0)
    assert (arrow.target, arrow.target_loop) == (None, 1)


def test_nothing_folds_to_nothing() -> None:
    folded = fold(NOTHING)

    assert (folded.loops, folded.blocks, folded.guests, folded.arrows) == ((), (), (), ())
