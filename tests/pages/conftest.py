"""One browser for the tests of a module, and a page on which no request can go unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.browser import VARIABLE, running_browser, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


# Of a module, not of the session: while it runs, its loop counts as running on this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not wanted():
        pytest.skip(f"{VARIABLE}=none: no page is looked at")
    with running_browser() as browser:
        yield browser
