"""The picture's rows and geometry, without a browser: loops that live at a time are apart."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_oneloop.loops.loopmap import Crossing, Lane, LoopMap, Resident, Step
from pytest_oneloop.maps.fold import fold
from pytest_oneloop.maps.layout import draw, fit
from pytest_oneloop.maps.page import SIZES
from pytest_oneloop.maps.paths import tip, way
from pytest_oneloop.maps.timeline import Closes, Opens, timeline
from pytest_oneloop.maps.wording import duration
from tools.example_maps import NOTHING, everything, suite

if TYPE_CHECKING:
    from pytest_oneloop.maps.shapes import Box, Drawing, Size

SCOPES = ("session", "package", "module", "class", "function", "other")


@st.composite
def maps(draw_one: st.DrawFn) -> LoopMap:
    """Make any map whose parts fit together."""
    scopes = draw_one(st.lists(st.sampled_from(SCOPES), min_size=1, max_size=6))
    lanes = tuple(Lane(str(n), f"loop {n}", scope) for n, scope in enumerate(scopes))
    keys = st.sampled_from([lane.key for lane in lanes])
    names = st.sampled_from(["a/test_a.py::test_1", "a/test_b.py::T::test_2", "b/c/test_c.py::t"])
    steps = st.builds(
        Step,
        st.sampled_from(["fixture", "test"]),
        names,
        st.sampled_from(SCOPES[:-1]),
        keys,
    )
    return LoopMap(
        "any",
        measured=False,
        lanes=lanes,
        steps=tuple(draw_one(st.lists(steps, max_size=12))),
        residents=tuple(draw_one(st.lists(st.builds(Resident, names, keys, names), max_size=4))),
        crossings=tuple(
            draw_one(st.lists(st.builds(Crossing, names, keys, names, keys, names), max_size=5))
        ),
    )


def meet(one: Box, two: Box) -> bool:
    return min(one.right, two.right) > max(one.x, two.x) and min(one.bottom, two.bottom) > max(
        one.y, two.y
    )


def check(drawing: Drawing) -> None:
    things = [chip.box for chip in drawing.chips] + [badge.box for badge in drawing.badges]
    things += [tag.box for tag in drawing.tags] + [panel.head for panel in drawing.panels]
    assert not any(meet(one, two) for one, two in combinations(things, 2))
    panels = [panel.box for panel in drawing.panels]
    assert not any(meet(one, two) for one, two in combinations(panels, 2))
    for box in [*things, *panels]:
        assert box.width > 0
        assert 0 <= box.x <= box.right <= drawing.width
        assert 0 <= box.y <= box.bottom <= drawing.height
    for tag in drawing.tags:
        corners = tag.path
        assert all(one[0] == two[0] or one[1] == two[1] for one, two in pairwise(corners))
        # The upright piece runs beside the panels.
        assert not any(panel.x < corners[1][0] < panel.right for panel in panels)


@given(maps(), st.sampled_from(SIZES), st.sampled_from([0, 100]))
def test_nothing_overlaps_in_any_map(loop_map: LoopMap, size: Size, few: int) -> None:
    check(draw(fold(loop_map, few=few), size))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)
def test_nothing_overlaps_in_large_suites(size: Size) -> None:
    for tests in (10, 100, 1000):
        check(draw(fold(suite(tests, loops=True)), size))
    check(draw(fold(everything()), size))
    check(draw(fold(NOTHING), size))


@given(maps())
def test_each_loop_opens_and_closes_once(loop_map: LoopMap) -> None:
    rows = timeline(fold(loop_map)).rows

    for loop in range(len(loop_map.lanes)):
        own = [row for row in rows if row.loop == loop]
        assert isinstance(own[0], Opens)
        assert isinstance(own[-1], Closes)
        assert sum(isinstance(row, Opens | Closes) for row in own) == 2


def test_a_loop_lives_as_long_as_its_scope() -> None:
    lanes = (
        Lane("s", "session loop", "session"),
        Lane("m", "loop of a/test_a.py", "module"),
        Lane("f", "loop of test_1", "function"),
        Lane("g", "loop of test_2", "function"),
        Lane("h", "loop of test_3", "function"),
    )
    steps = (
        Step("fixture", "engine", "session", "s"),
        Step("fixture", "redis", "module", "m"),
        Step("test", "a/test_a.py::test_1", "function", "f"),
        Step("test", "a/test_a.py::test_2", "function", "g"),
        Step("test", "b/test_b.py::test_3", "function", "h"),
    )
    made = timeline(fold(LoopMap("shop", measured=False, lanes=lanes, steps=steps)))

    ends = [row.loop for row in made.rows if isinstance(row, Closes)]
    assert ends == [2, 3, 1, 4, 0]
    assert made.columns == (0, 1, 2, 2, 2)
    assert made.width == 3


def test_a_text_is_shortened_to_its_room() -> None:
    assert fit(["tests/test_a.py", "test_a.py"], 20) == "tests/test_a.py"
    assert fit(["tests/test_a.py", "test_a.py"], 10) == "test_a.py"
    assert fit(["tests/test_a.py", "test_a.py"], 6) == "test_…"
    assert fit(["日本語のテスト"], 7) == "日本語…"
    assert fit(["anything"], 0) == "…"


def test_an_arrow_has_round_corners_and_ends_at_its_tip() -> None:
    path = ((0.0, 10.0), (50.0, 10.0), (50.0, 100.0), (80.0, 100.0))

    assert way(path) == "M 0 10 L 43 10 Q 50 10 50 17 L 50 93 Q 50 100 57 100 L 75.5 100"
    assert tip(path) == "M 80 100 l -9 -5 v 10 z"
    assert tip(((90.0, 5.0), (80.0, 5.0))) == "M 80 5 l 9 -5 v 10 z"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.00001, "<0.1 ms"),
        (0.0004, "0.4 ms"),
        (0.0123, "12 ms"),
        (1.25, "1.25 s"),
        (200, "3 min 20 s"),
    ],
)
def test_a_time_is_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text
