"""The record of what ran on which loop: what it keeps, what it forgets, what it hands over."""

from __future__ import annotations

import asyncio
import gc
import json
from dataclasses import dataclass

import pytest

from pytest_oneloop.loops.loopmap import NO_LOOP, Crossing, Lane, LoopMap, Place
from pytest_oneloop.loops.loopmap import Step as Step_
from pytest_oneloop.loops.record import LoopRecord, merged, to_json
from pytest_oneloop.loops.scopes import NamedScope
from pytest_oneloop.loops.tracing import Watch, traced
from pytest_oneloop.loops.tracks import loop_name

TEST = "tests/test_orders.py::TestBuy::test_one[a::b]"


@dataclass
class Step:
    name: str
    kind: str = "test"
    scope: str = "function"
    loop_scope: str | None = "session"

    def find_place(self) -> Place:
        return Place("tests/test_orders.py", 7)

    def find_loop_scope(self) -> NamedScope | None:
        return NamedScope(self.loop_scope, "marker") if self.loop_scope else None


def run_on(loop: asyncio.AbstractEventLoop, record: LoopRecord, *steps: Step) -> None:
    for step in steps:
        record.begin(step, TEST, loop)


@pytest.fixture
def loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.close()
    return loop


@pytest.mark.parametrize(
    ("scope", "name"),
    [
        ("session", "the session loop"),
        ("package", "the loop of tests"),
        ("module", "the loop of tests/test_orders.py"),
        ("class", "the loop of tests/test_orders.py::TestBuy"),
        ("function", f"the loop of {TEST}"),
    ],
)
def test_a_loop_is_called_by_what_it_lives_as_long_as(scope: str, name: str) -> None:
    assert loop_name(scope, TEST) == name


def test_a_loop_is_known_by_its_steps(loop: asyncio.AbstractEventLoop) -> None:
    record = LoopRecord()
    run_on(loop, record, Step("engine", "fixture", "session"), Step(TEST))

    track = record.track_of(loop)

    assert track is not None
    assert [ran.origin.name for ran in track.steps()] == ["engine", TEST]
    assert (track.name, track.scope, track.count) == ("the session loop", "session", 2)
    assert record.track_of(object()) is None


def test_a_runner_without_loop_scopes_has_the_widest_of_the_steps(
    loop: asyncio.AbstractEventLoop,
) -> None:
    record = LoopRecord()
    run_on(
        loop, record, Step("a", "fixture", "function", None), Step("b", "fixture", "module", None)
    )

    [track] = record.tracks()

    assert (track.loop_scope, track.scope) == (None, "module")


def test_a_loop_that_is_gone_is_forgotten() -> None:
    record = LoopRecord()
    for _ in range(100):
        loop = asyncio.new_event_loop()
        run_on(loop, record, Step(TEST))
        loop.close()
    kept = record.track_of(loop)
    del loop
    gc.collect()

    assert kept is not None
    assert record.tracks() == []
    assert kept.loop() is None


def test_a_long_life_does_not_fill_the_memory(loop: asyncio.AbstractEventLoop) -> None:
    record = LoopRecord()
    run_on(loop, record, Step("engine", "fixture", "session"))
    run_on(loop, record, *(Step(f"test_{number}") for number in range(10_000)))

    [track] = record.tracks()
    names = [ran.origin.name for ran in track.steps()]

    assert track.count == 10_001
    assert len(names) < 100
    assert names[0] == "engine"
    assert names[-1] == "test_9999"


def test_a_map_has_every_step_also_of_loops_that_are_gone() -> None:
    record = LoopRecord(keep_all=True)
    for number in range(3):
        loop = asyncio.new_event_loop()
        run_on(loop, record, Step(f"test_{number}", loop_scope="function"))
        loop.close()
        del loop
    gc.collect()
    wide = asyncio.new_event_loop()
    run_on(wide, record, *(Step(f"test_{number}") for number in range(3, 500)))
    wide.close()

    drawn = record.to_map("shop")

    assert (drawn.title, drawn.measured) == ("shop", True)
    assert [lane.scope for lane in drawn.lanes] == ["session", *["function"] * 3]
    assert drawn.lanes[0].name == "session loop"
    assert [step.name for step in drawn.steps] == [f"test_{number}" for number in range(500)]
    assert {step.place for step in drawn.steps} == {Place("tests/test_orders.py", 7)}
    times = [step.started for step in drawn.steps if step.started is not None]
    assert len(times) == 500
    assert times == sorted(times)


def test_what_crossed_is_on_the_map(loop: asyncio.AbstractEventLoop) -> None:
    record = LoopRecord(keep_all=True)
    run_on(loop, record, Step("lock", "fixture", "session"))
    [track] = record.tracks()
    crossing = Crossing("lock", track.key, "lock", "elsewhere", TEST)
    record.cross(crossing)
    record.cross(crossing)

    drawn = record.to_map("shop")

    assert drawn.crossings == (crossing,)
    assert [(one.name, one.lane, one.owner) for one in drawn.residents] == [
        ("lock", track.key, "lock")
    ]
    assert [(lane.key, lane.scope) for lane in drawn.lanes] == [
        (track.key, "session"),
        ("elsewhere", "other"),
    ]


def test_without_a_map_no_crossing_is_kept(loop: asyncio.AbstractEventLoop) -> None:
    record = LoopRecord()
    run_on(loop, record, Step(TEST))
    record.cross(Crossing("lock", "1", "lock", "1", TEST))

    assert record.to_map("shop").crossings == ()


def test_records_of_workers_are_merged() -> None:
    handed_over = []
    for worker in ("gw0", "gw1"):
        record = LoopRecord(keep_all=True, worker=worker)
        loop = asyncio.new_event_loop()
        run_on(loop, record, Step(f"test_{worker}"))
        loop.close()
        handed_over.append(json.loads(json.dumps(to_json(record))))

    drawn = merged("shop", handed_over)

    assert [lane.key for lane in drawn.lanes] == ["gw0-1", "gw1-1"]
    assert {(step.name, step.lane) for step in drawn.steps} == {
        ("test_gw0", "gw0-1"),
        ("test_gw1", "gw1-1"),
    }
    assert LoopMap.from_json(drawn.to_json()) == drawn


def test_what_ran_on_no_loop_is_one_lane_of_all_workers() -> None:
    lane = Lane(NO_LOOP, "no event loop", NO_LOOP)
    steps = [Step_("test", f"test_{name}", "function", NO_LOOP) for name in "ab"]
    maps = [LoopMap("", measured=True, lanes=(lane,), steps=(step,)) for step in steps]

    drawn = merged("shop", [one.to_json() for one in maps])

    assert drawn.lanes == (lane,)
    assert drawn.steps == tuple(steps)


def test_a_traced_coroutine_notes_its_loop_once_for_each_expectation() -> None:
    record = LoopRecord(keep_all=True)
    watch = Watch(record, Step("first"))

    async def double(number: int) -> int:
        """Say twice the number."""
        return 2 * number

    call = traced(double, watch)
    assert call is not None

    async def main() -> None:
        # As Hypothesis does: one test, many calls.
        assert [await call(number) for number in range(3)] == [0, 2, 4]
        watch.expect(Step("second"), TEST)
        assert await call(4) == 8

    asyncio.run(main())

    assert call.__doc__ == "Say twice the number."
    drawn = record.to_map("")
    assert [step.name for step in drawn.steps] == ["first", "second"]
    assert [step.seconds is not None and step.seconds >= 0 for step in drawn.steps] == [True, True]


def test_a_traced_generator_yields_and_ends_as_its_own() -> None:
    record = LoopRecord(keep_all=True)
    ended = []

    async def values() -> object:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            ended.append(asyncio.current_task())

    make = traced(values, Watch(record, Step("values", "fixture")))
    assert make is not None

    async def main() -> None:
        whole = make()
        assert [value async for value in whole] == [1]
        broken_off = make()
        assert await anext(broken_off) == 1
        await broken_off.aclose()
        assert ended == [asyncio.current_task()] * 2

    asyncio.run(main())


def test_what_is_not_asynchronous_is_left_alone() -> None:
    def test() -> None: ...

    assert traced(test, Watch(LoopRecord(), Step("test"))) is None
