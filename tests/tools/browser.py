"""A real browser without a window, which looks at the pages that the project makes.

Chromium is looked for under its usual names. `scripts/install-browser` brings it, and `make test`
calls that. `TEST_BROWSER` names another one; `TEST_BROWSER=none` skips the tests that need one.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

VARIABLE = "TEST_BROWSER"

NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

SECONDS = 20.0
"""How long the browser may take for one thing."""

MISSING = (
    "no Chromium was found: run scripts/install-browser, or name one by "
    f"{VARIABLE}=/path/to/chromium, or skip what needs one by {VARIABLE}=none"
)


def wanted() -> bool:
    """Tell whether tests that need a browser are to run."""
    return os.environ.get(VARIABLE) != "none"


def find_chromium(own: str) -> str | None:
    """Return the program to start.

    Args:
        own: Where playwright keeps a Chromium that it has downloaded.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return named
    found = (shutil.which(name) for name in NAMES)
    return next(filter(None, found), own if Path(own).is_file() else None)


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Start a browser; it ends with the block. No event loop may run on this thread meanwhile."""
    with sync_playwright() as playwright:
        program = find_chromium(playwright.chromium.executable_path)
        if program is None:
            pytest.fail(MISSING, pytrace=False)
        browser = playwright.chromium.launch(executable_path=program, timeout=1000 * SECONDS)
        try:
            yield browser
        finally:
            browser.close()
