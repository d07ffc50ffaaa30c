"""The loop map as a page, in a real browser."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from pytest_oneloop.maps.fold import fold
from pytest_oneloop.maps.page import render
from tools.example_maps import NOTHING, everything, failing, suite
from tools.sight import boxes, contrasts, meeting, struck, ways

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Literal

    from playwright.sync_api import Browser, Page

    from pytest_oneloop.loops.loopmap import LoopMap

WIDTHS = {"phone": 390, "tablet": 768, "desk": 1280}

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


@contextmanager
def shown(
    browser: Browser,
    folder: Path,
    loop_map: LoopMap,
    *,
    width: int = WIDTHS["desk"],
    theme: Literal["light", "dark"] = "light",
) -> Iterator[Page]:
    """Show a map; fail if the page asks for anything, or if its script fails."""
    file = folder / "map.html"
    file.write_text(render(loop_map), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=theme)
    page.set_default_timeout(5000)
    asked: list[str] = []
    failed: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.on("console", lambda message: failed.append(message.text))
    try:
        page.goto(file.as_uri())
        yield page
        assert asked == [file.as_uri()]
        assert failed == []
    finally:
        page.close()


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


def test_loops_and_arrows_of_a_small_suite(browser: Browser, tmp_path: Path) -> None:
    with shown(browser, tmp_path, suite(10, loops=True, measured=True)) as page:
        picture = page.locator("svg.large")
        expect(picture.locator(".lane")).to_have_count(11)
        expect(picture.locator(".lane.session .head .name")).to_have_text("session loop")
        expect(picture.locator(".lane.session .badge .name")).to_have_text("pool of engine")
        expect(picture.locator(".lane.function .head .name").first).to_have_text(
            "loop of test_part_00.py::test_customer_0_is_served"
        )
        expect(picture.locator(".lane.function .chip")).to_have_count(20)
        expect(picture.locator(".arrow .name")).to_have_text(["engine of the session loop"] * 10)
        expect(picture.locator(".clock").first).to_have_text("0.00 s")
        expect(picture.locator(".chip.test .note").first).to_have_text("12 ms")
        expect(page.locator(".summary")).to_have_text(
            "10 tests ran on 11 event loops. 1 object crosses from the loop that made it, to "
            "10 other loops."
        )
        expect(page.locator(".crossings li")).to_have_text(
            "engine is made on the session loop by engine, and used on 10 other loops by "
            "db_session (tests/conftest.py:24)."
        )


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


@pytest.mark.parametrize(
    ("tests", "lanes", "chips"), [(100, 1 + 5, 1 + 10), (1000, 1 + 50, 1 + 100)]
)
def test_a_large_suite_is_folded_by_module(
    browser: Browser, tmp_path: Path, tests: int, lanes: int, chips: int
) -> None:
    with shown(browser, tmp_path, suite(tests, loops=True)) as page:
        picture = page.locator("svg.large")
        expect(picture.locator(".lane")).to_have_count(lanes)
        expect(picture.locator(".chip")).to_have_count(chips)
        expect(picture.locator(".arrow")).to_have_count(lanes - 1)
        expect(picture.locator(".lane.function .head .name").first).to_have_text(
            "20 loops in tests/test_part_00.py"
        )
        expect(picture.locator(".chip.test .name").first).to_have_text("tests/test_part_00.py")
        expect(picture.locator(".chip.test .note").first).to_have_text("20 tests")

        picture.locator(".chip.test").first.click()

        rows = page.locator("#details ol li")
        expect(rows).to_have_count(20)
        expect(rows.nth(3)).to_have_text(
            "tests/test_part_00.py::test_customer_3_is_served tests/test_part_00.py:25"
        )


@pytest.mark.parametrize("device", WIDTHS)
def test_a_click_shows_file_and_line(browser: Browser, tmp_path: Path, device: str) -> None:
    with shown(
        browser, tmp_path, suite(10, loops=True, measured=True), width=WIDTHS[device]
    ) as page:
        details = page.locator("#details")
        expect(details).not_to_contain_text("tests/")

        page.locator(".picture .chip.fixture:visible").first.click()

        expect(details).to_be_visible()
        expect(details.locator("h3")).to_have_text("engine")
        expect(details.locator("dd")).to_have_text(
            ["session loop", "session", "tests/conftest.py:14", "0.000 s after the start", "200 ms"]
        )

        page.locator(".picture .chip.test:visible").nth(7).click()
        expect(details).to_contain_text("tests/test_part_00.py:45")
        chosen = boxes(page, ".rails .item.chosen, .item.chosen > rect:first-of-type")[0]
        [sheet] = boxes(page, "#details")
        assert not sheet.meets(chosen)

        page.locator(".picture .arrow .name:visible").first.click()
        expect(details.locator("dd")).to_have_text(
            [
                "session loop",
                "engine",
                "loop of tests/test_part_00.py::test_customer_0_is_served",
                "db_session",
                "tests/conftest.py:24",
            ]
        )

        page.locator(".close").click()
        expect(details).not_to_contain_text("tests/")


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_it_can_be_used_by_keyboard(browser: Browser, tmp_path: Path, key: str) -> None:
    with shown(browser, tmp_path, suite(3, loops=True), width=WIDTHS["phone"]) as page:
        chosen = page.locator(":focus")
        page.keyboard.press("Tab")
        expect(chosen).to_have_attribute(
            "aria-label", "event loop: session loop, lives for the whole run"
        )
        page.keyboard.press("Tab")
        expect(chosen).to_have_attribute(
            "aria-label", "fixture engine, session, tests/conftest.py:14"
        )

        page.keyboard.press(key)

        details = page.locator("#details")
        expect(details).to_contain_text("tests/conftest.py:14")
        expect(chosen).to_have_attribute("aria-current", "true")

        page.keyboard.press("Escape")

        expect(details).to_be_hidden()
        expect(chosen).to_have_attribute(
            "aria-label", "fixture engine, session, tests/conftest.py:14"
        )


def test_without_its_script_each_box_leads_to_the_list(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "map.html"
    file.write_text(render(suite(10, loops=True)), encoding="utf-8")
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(file.as_uri())
        entry = page.locator("article", has_text="tests/conftest.py:14")
        expect(entry).to_be_hidden()

        page.locator(".picture .chip:visible").first.click()

        expect(entry).to_be_visible()


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


def test_names_are_text_whatever_they_hold(browser: Browser, tmp_path: Path) -> None:
    with shown(browser, tmp_path, everything()) as page:
        expect(page).to_have_title("Loop map of shop & <sons>")
        page.locator(".rails .chip.test .name", has_text="test_3[").click()
        expect(page.locator("#details h3")).to_contain_text("<script>alert('1')</script> & very")
