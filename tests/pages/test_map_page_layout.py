"""The loop map as a page: nothing overlaps or is cut, on any screen, and texts stand out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.maps.fold import fold
from tools.example_maps import NOTHING, everything, failing, suite
from tools.shown_maps import WIDTHS, shown
from tools.sight import boxes, contrasts, meeting, struck, ways

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

    from playwright.sync_api import Browser

MAPS = {
    "10 tests, own loops": suite(10, loops=True, measured=True),
    "10 tests, one loop": suite(10, loops=False),
    "100 tests": suite(100, loops=True, measured=True),
    "1,000 tests": suite(1000, loops=True, measured=True),
    "1,000 tests, one loop": suite(1000, loops=False),
    "1,000 modules": suite(1000, loops=True, per_module=1),
    "everything": everything(),
    "failing": failing(),
    "nothing": NOTHING,
}

COLUMNS = [name for name in MAPS if name != "everything"]
"""The maps whose loops have room beside one another."""


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("device", ["tablet", "desk"])
def test_nothing_overlaps(browser: Browser, tmp_path: Path, name: str, device: str) -> None:
    with shown(browser, tmp_path, MAPS[name], width=WIDTHS[device]) as page:
        steps, tags = (
            boxes(page, ".picture .chip > rect:first-of-type"),
            boxes(page, ".picture .arrow > rect"),
        )
        texts = boxes(page, ".picture text")
        # What is written lies within its box; what runs from box to box, runs around all others.
        assert len(boxes(page, ".picture .chip .name")) == len(steps)
        assert meeting(texts) == []
        assert meeting([*steps, *tags, *boxes(page, ".picture .badge .name")]) == []
        assert meeting(boxes(page, ".picture .lane .panel")) == []
        assert struck(texts, ways(page, ".picture :is(.way, .life)")) == []
        for kind in (".chip", ".arrow", ".head"):
            for text, box in zip(
                boxes(page, f".picture {kind} .name"),
                boxes(page, f".picture {kind} > rect:first-of-type"),
                strict=True,
            ):
                assert box.left < text.left < text.right < box.right, text
                assert box.top <= text.top < text.bottom <= box.bottom, text


@pytest.mark.parametrize(
    ("name", "device"), [*((name, "phone") for name in MAPS), ("everything", "desk")]
)
def test_the_narrow_picture_is_whole(
    browser: Browser, tmp_path: Path, name: str, device: str
) -> None:
    with shown(browser, tmp_path, MAPS[name], width=WIDTHS[device]) as page:
        marks, items = boxes(page, ".rails .mark"), boxes(page, ".rails .item")
        texts = boxes(page, ".rails :is(.name, .note)")
        names = {box.words for box in boxes(page, ".rails .name")}
        assert boxes(page, ".picture svg") == []
        # Rows are as high as their text needs; two marks, or two rows, never lie on one another.
        assert meeting([*marks, *texts]) == []
        assert meeting(items) == []
        assert len(marks) == len(items) - len(boxes(page, ".rails .head"))
        for box in (*marks, *items, *texts):
            assert 0 <= box.left < box.right <= WIDTHS[device], box
        folded = fold(MAPS[name])
        # Nothing is cut, and nothing is left out.
        assert not any("…" in words for words in names)
        assert {loop.name for loop in folded.loops} <= names
        for block in folded.blocks:
            assert any(words and block.name.endswith(words) for words in names), block.name
        assert all(
            one.name in names or any(words.startswith(one.name) for words in names)
            for one in folded.arrows
        )


def test_arrows_of_the_narrow_picture_lead_from_rail_to_rail(
    browser: Browser, tmp_path: Path
) -> None:
    with shown(browser, tmp_path, everything(), width=WIDTHS["phone"]) as page:
        lines, tips = boxes(page, ".rails .over"), boxes(page, ".rails .mark.arrow")
        rails = boxes(page, ".rails i.session")
        # Of seven arrows, three come from a loop that is gone.
        assert (len(lines), len(tips)) == (4, 7)
        for line in lines:
            [tip] = [one for one in tips if one.top < line.top < one.bottom]
            assert line.right - 8 < tip.right < line.right + 8
        assert min(line.left for line in lines) == (rails[0].left + rails[0].right) / 2


@pytest.mark.parametrize("name", MAPS)
def test_the_page_never_scrolls_sideways(browser: Browser, tmp_path: Path, name: str) -> None:
    with shown(browser, tmp_path, MAPS[name]) as page:
        for width in (320, 375, 599, 600, 959, 960, 1179, 1180, 1920):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") == width
            assert len(boxes(page, ".picture > :is(svg, .rails)")) == 1
            # No part of it does, either; and no picture is made much smaller than it was drawn.
            inner = "(p => p.scrollWidth - p.clientWidth)(document.querySelector('.picture'))"
            assert page.evaluate(inner) == 0
            letters = boxes(page, ".picture .name")
            assert min((box.bottom - box.top for box in letters), default=12) > 11


def test_arrows_lead_from_what_made_it_to_what_used_it(browser: Browser, tmp_path: Path) -> None:
    with shown(browser, tmp_path, suite(10, loops=True)) as page:
        [engine] = boxes(page, ".lane.session .chip > rect:first-of-type")
        tags = boxes(page, ".picture .arrow > rect")
        found = ways(page, ".picture .arrow .way")

        assert len(found) == len(tags) == 10
        for way, tag in zip(found, tags, strict=True):
            (x, y), (last_x, last_y) = way[0], way[-1]
            assert abs(x - engine.right) < 2
            assert engine.top < y < engine.bottom
            assert -10 < last_x - tag.left < 0
            assert tag.top < last_y < tag.bottom
        reds = page.locator("svg.large .bus").evaluate("bus => getComputedStyle(bus).stroke")
        assert reds == "rgb(211, 36, 60)"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["10 tests, own loops", "everything", "failing"])
def test_texts_stand_out(
    browser: Browser, tmp_path: Path, name: str, theme: Literal["light", "dark"]
) -> None:
    with shown(browser, tmp_path, MAPS[name], theme=theme) as page:
        page.locator(".list > summary").click()
        found = contrasts(page)

        assert len(found) > 10
        assert {words: ratio for words, ratio in found.items() if ratio < 4.5} == {}


def test_the_themes_differ(browser: Browser, tmp_path: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with shown(browser, tmp_path, NOTHING, theme="light") as page:
        assert page.evaluate(ground) == "rgb(255, 255, 255)"
    with shown(browser, tmp_path, NOTHING, theme="dark") as page:
        assert page.evaluate(ground) == "rgb(17, 21, 28)"
