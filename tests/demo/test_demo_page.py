"""The page of `oneloop demo --html`, in a real browser."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import pytest

from pytest_oneloop.demo.page import render
from pytest_oneloop.demo.setups import SETUPS
from tools.browser import running_browser, wanted
from tools.example_measurements import BUSY, MEASURED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.skipif(not wanted(), reason="needs a browser")

OUTSIDE = """
() => [...document.querySelectorAll("article, article *, footer *, header *")]
  .filter(element => !element.closest("pre") && element.getClientRects().length)
  .filter(element => !element.closest(".unseen"))
  .filter(element => {
    const box = element.getBoundingClientRect();
    const card = (element.closest("article") ?? document.body).getBoundingClientRect();
    return box.right > card.right + 0.5 || box.left < card.left - 0.5;
  })
  .map(element => element.outerHTML.slice(0, 80))
"""
OVERLAPPING = """
() => [...document.querySelectorAll("tr")].flatMap(row =>
  [...row.cells].slice(1).filter((cell, index) =>
    row.cells[index].getBoundingClientRect().right > cell.getBoundingClientRect().left + 0.5))
  .length
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("page") / "demo.html"
    path.write_text(render(SETUPS, MEASURED, "18.6"), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def page(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    width: int
    scheme: Literal["light", "dark"]
    width, scheme = getattr(request, "param", (1280, "light"))
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True
    )
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.goto(address)
    yield page
    assert asked == [address]
    context.close()


def test_every_row_is_there(page: Page) -> None:
    for measured in MEASURED:
        way = "with" if measured.plugin else "without"
        row = page.locator(f"#setup-{measured.number} tr.{way}")
        cells = [text.strip() for text in row.locator("th, td").all_inner_texts()]
        assert cells[0] == way
        assert row.locator(".unseen").text_content() == (
            f"{measured.passed} passed, {measured.failed} failed"
        )
        assert row.locator("i.passed").count() == measured.passed
        assert row.locator("i.failed").count() == measured.failed
        assert cells[2:] == [
            f"{measured.seconds:.1f} s",
            str(measured.connections),
            str(measured.ddl_statements),
            str(measured.leaked_rows),
        ]
    errors = page.locator("tr.error").all_inner_texts()
    assert [error.strip() for error in errors] == [
        "got Future <Future pending> attached to a different loop",
        "got Future <Future pending> attached to a different loop",
        "assert 2 == 0",
        BUSY,
    ]


def test_a_click_shows_the_conftest(page: Page) -> None:
    code = page.locator("#setup-3 pre")
    assert not code.is_visible()
    page.locator("#setup-3 summary").click()
    assert code.is_visible()
    assert code.inner_text().startswith('"""Set-up 3: an engine for each test')


@pytest.mark.parametrize(
    "page",
    [(width, scheme) for width in (320, 375, 768, 1280) for scheme in ("light", "dark")],
    ids=lambda page: f"{page[0]}-{page[1]}",
    indirect=True,
)
def test_nothing_overflows(page: Page) -> None:
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate(OVERLAPPING) == 0


@pytest.mark.parametrize(
    ("page", "dark"), [((1280, "light"), False), ((1280, "dark"), True)], indirect=["page"]
)
def test_it_follows_the_reader_s_colours(page: Page, dark: bool) -> None:  # noqa: FBT001
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    red = int(colour.removeprefix("rgb(").partition(",")[0])
    assert (red < 128) == dark


def test_words_of_a_project_are_shown_as_they_are(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    words = "'<script>document.title = 1</script>' & more"
    measured = [replace(MEASURED[0], error=None, assertion=words)]
    path.write_text(render(SETUPS[:1], measured, "18.6"), encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    assert page.title() == "The loop trap, measured"
    assert "& more" in page.locator("tr.error").inner_text()
    page.close()
