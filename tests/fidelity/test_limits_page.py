"""The page of limits is as the programs have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fidelity.page import PAGE, render

if TYPE_CHECKING:
    from fidelity.runs import Runs


@pytest.mark.server
@pytest.mark.timeout(600)  # if it is the only one, it waits for all runs
def test_the_page_is_current(runs: Runs) -> None:
    assert render(runs) == PAGE.read_text(encoding="utf-8"), "write it anew: make limits"
