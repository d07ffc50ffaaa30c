"""What a picture is made of: plain data, in pixels of the unscaled picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_oneloop.maps.fold import Arrow, Block, Guest

Point = tuple[float, float]
"""From the left, and from the top."""


@dataclass(frozen=True, slots=True)
class Size:
    """What the picture is made for.

    Attributes:
        name: What the page calls it.
        width: The least width of the picture; it is wider only if its columns need it.
        column: The least width of a column.
        font: The size of letters.
        clock: The width of the edge where times stand; 0 for none.
    """

    name: str
    width: int
    column: int
    font: float
    clock: int

    def without_clock(self) -> Size:
        """Return the same size for a map that has no times."""
        return replace(self, clock=0)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, by its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height

    @property
    def middle(self) -> float:
        """The height of its middle."""
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Panel:
    """A loop: its frame, and the box of its name."""

    loop: int
    box: Box
    head: Box
    name: str
    note: str


@dataclass(frozen=True, slots=True)
class Chip:
    """A block, with its name and what is said beside it."""

    number: int
    block: Block
    box: Box
    name: str
    note: str


@dataclass(frozen=True, slots=True)
class Badge:
    """Something that lives on a loop, and the line of its life."""

    guest: Guest
    box: Box
    name: str
    line: float
    end: float


@dataclass(frozen=True, slots=True)
class Tag:
    """The end of an arrow: what crosses, and the way that the arrow takes to here."""

    arrow: Arrow
    box: Box
    name: str
    path: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Clock:
    """A time at the edge."""

    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """The whole picture."""

    size: Size
    width: float
    height: float
    panels: tuple[Panel, ...]
    chips: tuple[Chip, ...]
    badges: tuple[Badge, ...]
    tags: tuple[Tag, ...]
    clocks: tuple[Clock, ...]
