"""Lines of the picture as paths of SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_oneloop.maps.shapes import Point

_ROUND: Final = 7.0
"""The radius of a corner, where there is room for it."""

_TIP: Final = 9.0
"""The length of an arrow's tip."""


def way(points: Sequence[Point]) -> str:
    """Return a line through points, its corners rounded; it ends where the arrow's tip begins."""
    (before_x, _), (last_x, last_y) = points[-2:]
    inward = _TIP / 2 if last_x > before_x else -_TIP / 2
    points = [*points[:-1], (last_x - inward, last_y)]
    parts = [f"M {_point(points[0])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(_ROUND, _distance(before, corner) / 2, _distance(corner, after) / 2)
        begin, end = _towards(corner, before, radius), _towards(corner, after, radius)
        parts.append(f"L {_point(begin)} Q {_point(corner)} {_point(end)}")
    parts.append(f"L {_point(points[-1])}")
    return " ".join(parts)


def tip(points: Sequence[Point]) -> str:
    """Return the tip of an arrow that ends at the last of these points."""
    (before, _), (x, y) = points[-2:]
    back = -_TIP if x > before else _TIP
    return f"M {_number(x)} {_number(y)} l {_number(back)} -5 v 10 z"


def hexagon(x: float, y: float, radius: float) -> str:
    """Return a hexagon around a point."""
    across, half = radius * 0.866, radius / 2
    corners = [(x, y - radius), (x + across, y - half), (x + across, y + half)]
    corners += [(x, y + radius), (x - across, y + half), (x - across, y - half)]
    return "M " + " L ".join(_point(corner) for corner in corners) + " Z"


def _distance(one: Point, two: Point) -> float:
    return abs(one[0] - two[0]) + abs(one[1] - two[1])


def _towards(corner: Point, other: Point, radius: float) -> Point:
    distance = _distance(corner, other) or 1.0
    return (
        corner[0] + (other[0] - corner[0]) * radius / distance,
        corner[1] + (other[1] - corner[1]) * radius / distance,
    )


def _point(point: Point) -> str:
    return f"{_number(point[0])} {_number(point[1])}"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
