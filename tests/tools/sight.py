"""What can be seen of a page in a browser: boxes, lines and colours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from playwright.sync_api import Page

_BOXES = """
selector => Array.from(document.querySelectorAll(selector))
  .filter(one => one.getClientRects().length && one.checkVisibility())
  .map(one => { const box = one.getBoundingClientRect();
    return [one.textContent.trim(), box.left, box.top + scrollY, box.right, box.bottom + scrollY];
  })
"""

_PATHS = """
selector => Array.from(document.querySelectorAll(selector))
  .filter(one => one.getClientRects().length && one.checkVisibility())
  .map(one => { const matrix = one.getScreenCTM();
    return [one.getAttribute("d"), matrix.a, matrix.e, matrix.f + scrollY];
  })
"""

_COMMAND = re.compile(r"([MLHVQq])([^A-Za-z]*)")

Way = list[tuple[float, float]]
"""The corners of a line."""

_COLOURS = r"""
() => { const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const owner = walker.currentNode.parentElement, words = walker.currentNode.data.trim();
    if (!words || !owner.checkVisibility() || ["TITLE", "title", "desc"].includes(owner.tagName))
      continue;
    owner.scrollIntoView({block: "center", inline: "center"});
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    const box = range.getClientRects()[0];
    if (!box) continue;
    const style = getComputedStyle(owner);
    const isDrawn = owner.namespaceURI.endsWith("svg");
    const under = document.elementsFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    let ground = null;
    for (const one of under) {
      if (one === owner && isDrawn) continue;
      const its = getComputedStyle(one);
      const paint = one.namespaceURI.endsWith("svg") ? its.fill : its.backgroundColor;
      if (paint !== "none" && !/, 0\)$/.test(paint) && one.tagName !== "text"
          && one.tagName !== "svg" && one.tagName !== "a") { ground = paint; break; }
    }
    found.push([words, isDrawn ? style.fill : style.color, ground]);
  }
  return found;
}
"""


@dataclass(frozen=True)
class Seen:
    """A box on the page.

    Attributes:
        words: What is written in it.
    """

    words: str
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Seen) -> bool:
        """Tell whether the two lie on one another by more than a hair."""
        return (
            min(self.right, other.right) - max(self.left, other.left) > _HAIR
            and min(self.bottom, other.bottom) - max(self.top, other.top) > _HAIR
        )

    def is_struck(self, one: tuple[float, float], two: tuple[float, float]) -> bool:
        """Tell whether an upright or level line from one point to another runs through it."""
        (left, right), (top, bottom) = sorted((one[0], two[0])), sorted((one[1], two[1]))
        return self.meets(Seen("", left - _HAIR, top - _HAIR, right + _HAIR, bottom + _HAIR))


_HAIR = 0.6
"""Pixels that a browser may round."""


def boxes(page: Page, selector: str) -> list[Seen]:
    """Return the boxes of all visible elements that a selector finds."""
    return [Seen(*found) for found in page.evaluate(_BOXES, selector)]


def ways(page: Page, selector: str) -> list[Way]:
    """Return the corners of all visible paths that a selector finds, as if none were rounded."""
    found: list[tuple[str, float, float, float]] = page.evaluate(_PATHS, selector)
    return [
        [(x * scale + left, y * scale + top) for x, y in _corners(path)]
        for path, scale, left, top in found
    ]


def _corners(path: str) -> Way:
    points: Way = []
    for letter, text in _COMMAND.findall(path):
        numbers = [float(number) for number in text.split()]
        match letter:
            case "H":
                points.append((numbers[0], points[-1][1]))
            case "V":
                points.append((points[-1][0], numbers[0]))
            case "q":
                x, y = points[-1]
                points += [(x + numbers[0], y + numbers[1]), (x + numbers[2], y + numbers[3])]
            case _:
                points += zip(numbers[::2], numbers[1::2], strict=True)
    return points


def meeting(seen: Sequence[Seen]) -> list[tuple[str, str]]:
    """Return the words of each pair that overlaps."""
    return [(one.words, two.words) for one, two in combinations(seen, 2) if one.meets(two)]


def struck(seen: Iterable[Seen], found: Iterable[Way]) -> list[str]:
    """Return the words of each box that a line runs through."""
    pieces = {piece for way in found for piece in pairwise(way)}
    return [one.words for one in seen if any(one.is_struck(*piece) for piece in pieces)]


def contrasts(page: Page) -> dict[str, float]:
    """Return for each text on the page its contrast with what is behind it, 1 to 21."""
    found: list[tuple[str, str, str]] = page.evaluate(_COLOURS)
    return {words: _contrast(_rgb(ink), _rgb(ground)) for words, ink, ground in found}


def _rgb(colour: str) -> list[float]:
    numbers = [float(number) for number in re.findall(r"[\d.]+", colour)]
    assert len(numbers) == 3, colour  # nothing that is half transparent
    return numbers


def _luminance(colour: list[float]) -> float:
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (number / 255 for number in colour)
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def _contrast(one: list[float], two: list[float]) -> float:
    low, high = sorted((_luminance(one), _luminance(two)))
    return (high + 0.05) / (low + 0.05)
