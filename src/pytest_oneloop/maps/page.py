"""The loop map as one self-contained page: no request to any other place, readable on a phone."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape
from rich.cells import cell_len

from pytest_oneloop.maps import entries, paths, wording
from pytest_oneloop.maps.fold import fold
from pytest_oneloop.maps.layout import LETTER, draw
from pytest_oneloop.maps.rails import rails
from pytest_oneloop.maps.shapes import Size
from pytest_oneloop.maps.timeline import SCOPES

if TYPE_CHECKING:
    from pytest_oneloop.loops.loopmap import LoopMap
    from pytest_oneloop.maps.fold import Folded
    from pytest_oneloop.maps.shapes import Badge, Chip, Drawing, Panel, Point, Tag

SIZES: Final = (
    Size("medium", width=600, column=150, font=12.5, clock=0),
    Size("large", width=880, column=190, font=13, clock=64),
)
"""For tablets, and for desks. The page holds a picture of each size, and shows one.

Where there is no room for all columns in a size, and on phones, it shows the narrow picture.
"""

_ROUNDED: Final = 0.5
"""Pixels that a sum of widths may be off."""

_CROSSINGS: Final = 5
"""As many objects are told at the head of the page; the others after a click."""


def render(loop_map: LoopMap) -> str:
    """Return the page, as text of a file in UTF-8."""
    folded = fold(loop_map)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    guests = {id(guest): number for number, guest in enumerate(folded.guests)}
    arrows = {id(arrow): number for number, arrow in enumerate(folded.arrows)}
    environment.filters["number"] = lambda known: (guests | arrows)[id(known)]
    environment.filters["failures"] = wording.failures
    environment.filters["spoken"] = entries.spoken
    environment.filters["breakable"] = _breakable
    environment.filters["told"] = lambda arrow: entries.told(arrow, folded)
    environment.filters["way"] = paths.way
    template = environment.from_string(_text("page.html.j2"))
    return template.render(
        heading=f"Loop map of {loop_map.title}",
        title=loop_map.title,
        summary=wording.summary(loop_map),
        fine=_fine(loop_map, folded),
        scopes=[scope for scope in SCOPES if scope in _scopes(folded)] or ["session"],
        crossings=entries.objects(folded),
        shown=_CROSSINGS,
        drawings=_drawings(loop_map, folded),
        rails=rails(folded),
        sections=entries.sections(folded),
        lanes=lambda drawing: _lanes(drawing, folded),
        buses=_buses,
        tip=paths.tip,
        hexagon=paths.hexagon,
        # Of this package, not of the user's: no text of them may be escaped.
        style=Markup(_text("page.css")),  # noqa: S704
        narrow_style=Markup(_text("rails.css")),  # noqa: S704
        script=Markup(_text("page.js")),  # noqa: S704
    )


def _drawings(loop_map: LoopMap, folded: Folded) -> list[Drawing]:
    """Return the pictures of all sizes in which its columns have room."""
    sizes = [size if loop_map.measured else size.without_clock() for size in SIZES]
    made = [draw(folded, size) for size in sizes]
    return [drawing for drawing in made if drawing.width <= drawing.size.width + _ROUNDED]


def _breakable(name: str) -> Markup:
    """Return a name that is broken into lines where its parts end, rather than anywhere."""
    return escape(name).replace("::", Markup("::<wbr>")).replace("/", Markup("/<wbr>"))


def _text(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _scopes(folded: Folded) -> set[str]:
    return {loop.scope for loop in folded.loops}


def _fine(loop_map: LoopMap, folded: Folded) -> str:
    rule = "An object that is bound to one loop fails on another."
    return " ".join(filter(None, [rule, wording.origin(loop_map), wording.folding(folded)]))


@dataclass(frozen=True, slots=True)
class _Life:
    """A badge, and where its text ends: there, the line of its life begins."""

    badge: Badge
    text_end: float


@dataclass(frozen=True, slots=True)
class _Lane:
    """All that is drawn of one loop."""

    panel: Panel
    scope: str
    label: str
    rows: list[_Life | Chip]


def _lanes(drawing: Drawing, folded: Folded) -> list[_Lane]:
    return [
        _Lane(
            panel=panel,
            scope=folded.loops[panel.loop].scope,
            label=entries.loop_label(folded.loops[panel.loop]),
            rows=_rows(drawing, panel.loop),
        )
        for panel in drawing.panels
    ]


def _rows(drawing: Drawing, loop: int) -> list[_Life | Chip]:
    """Return what is drawn in a panel, from top to bottom, as the Tab key goes through it."""
    letter = LETTER * drawing.size.font
    rows: dict[float, _Life | Chip] = {
        chip.box.y: chip for chip in drawing.chips if chip.block.loop == loop
    }
    for badge in drawing.badges:
        if badge.guest.loop == loop:
            end = badge.box.x + 32 + cell_len(badge.name) * letter
            rows[badge.box.y] = _Life(badge, end)
    return [rows[y] for y in sorted(rows)]


def _buses(drawing: Drawing) -> list[list[Tag]]:
    """Return the arrows, those together that begin at one place and share a line."""
    buses: dict[tuple[Point, ...], list[Tag]] = {}
    for tag in drawing.tags:
        buses.setdefault(tag.path[:2], []).append(tag)
    return list(buses.values())
