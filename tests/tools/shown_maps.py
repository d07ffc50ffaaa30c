"""A loop map as a page, shown in a browser."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_oneloop.maps.page import render

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Literal

    from playwright.sync_api import Browser, Page

    from pytest_oneloop.loops.loopmap import LoopMap

WIDTHS = {"phone": 390, "tablet": 768, "desk": 1280}


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
