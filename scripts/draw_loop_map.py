"""Draw docs/how-to/loop-map.svg: the loop map of the first of the hand-written set-ups.

Usage: .venv/bin/python scripts/draw_loop_map.py
"""  # noqa: INP001

from __future__ import annotations

import re
from pathlib import Path

import pytest_oneloop
from pytest_oneloop.doctor.case import Case
from pytest_oneloop.doctor.collecting import collect
from pytest_oneloop.doctor.mapping import loop_map
from pytest_oneloop.maps.page import render

SETUP = Path(pytest_oneloop.__file__).parent / "demo" / "setups" / "setup_1"
PICTURE = Path(__file__).parents[1] / "docs" / "how-to" / "loop-map.svg"


def standalone(page: str) -> str:
    """Return the large picture of a page as a file of its own, which has both themes as well."""
    picture = re.search(r'<svg class="large".*?</svg>', page, re.DOTALL)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    if picture is None or style is None:
        raise ValueError(page)
    head, _, rest = picture[0].partition(">")
    box = "svg { background: var(--paper); }"
    return (
        f'{head} xmlns="http://www.w3.org/2000/svg">\n<style>\n{style[1].strip()}\n{box}\n</style>'
        f"{rest}\n"
    )


def picture() -> str:
    """Return the picture, as the code draws it now."""
    return standalone(render(loop_map(Case(collect(SETUP)))))


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
