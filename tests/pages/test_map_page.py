"""The loop map as a page: what it shows, and how it is used, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from pytest_oneloop.maps.page import render
from tools.example_maps import everything, suite
from tools.shown_maps import WIDTHS, shown
from tools.sight import boxes

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser


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


def test_names_are_text_whatever_they_hold(browser: Browser, tmp_path: Path) -> None:
    with shown(browser, tmp_path, everything()) as page:
        expect(page).to_have_title("Loop map of shop & <sons>")
        page.locator(".rails .chip.test .name", has_text="test_3[").click()
        expect(page.locator("#details h3")).to_contain_text("<script>alert('1')</script> & very")
