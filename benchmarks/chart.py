"""The results as a bar chart: one SVG that reads well on a light and on a dark page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contestants import Contestant
    from results import Results

_WIDTH = 760
_LEFT = 210
_RIGHT = 150
_TOP = 62
_ROW = 44
_BAR = 24
_STYLE = """
  text { font: 14px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #24292f; }
  .title { font-size: 17px; font-weight: 600; }
  .note { font-size: 12px; fill: #57606a; }
  .name { text-anchor: end; }
  .own { font-weight: 600; }
  .bar { fill: #8c959f; }
  .bar.own { fill: #0969da; }
  .range { stroke: #24292f; stroke-width: 1.5; }
  .axis { stroke: #d0d7de; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .note { fill: #9198a1; }
    .bar { fill: #6e7681; }
    .bar.own { fill: #4493f8; }
    .range { stroke: #e6edf3; }
    .axis { stroke: #3d444d; }
  }
"""


def chart(results: Results) -> str:
    """Draw the milliseconds that one test takes: a bar to the median, a line over the range."""
    rows = list(results.measured)
    scale = (_WIDTH - _LEFT - _RIGHT) / max(results.per_test(one).high for one in rows)
    bottom = _TOP + _ROW * len(rows)
    size = f'viewBox="0 0 {_WIDTH} {bottom + 40}" width="{_WIDTH}" height="{bottom + 40}"'
    subtitle = (
        f"Shorter is better. The same {results.tests} tests, the same server; "
        "set-up and teardown of the fixtures included."
    )
    source = (
        f"Bars: median of {results.rounds} rounds; lines: lowest to highest. "
        f"PostgreSQL {results.versions['PostgreSQL']}, Python {results.versions['Python']}, "
        f"{results.machine['processor']}."
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title">',
        f"<style>{_STYLE}</style>",
        '<title id="title">Milliseconds for one test; shorter is better</title>',
        _text("title", 16, 28, "One test, in milliseconds"),
        _text("note", 16, 47, subtitle),
        *(part for number, one in enumerate(rows) for part in _row(results, one, number, scale)),
        f'<line class="axis" x1="{_LEFT}" x2="{_LEFT}" y1="{_TOP}" y2="{bottom}"/>',
        _text("note", 16, bottom + 24, source),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _row(results: Results, one: Contestant, number: int, scale: float) -> list[str]:
    spread = results.per_test(one)
    own = " own" if one.plugin == "oneloop" else ""
    top = _TOP + _ROW * number + (_ROW - _BAR) / 2
    middle = top + _BAR / 2
    width = spread.median * scale
    low, high = (_LEFT + value * scale for value in (spread.low, spread.high))
    first = next(iter(results.measured))
    label = f"{spread.median:.2f}"
    if one is not first:
        label += f" ({spread.median / results.per_test(first).median:.2f} \N{MULTIPLICATION SIGN})"
    place = f'x="{_LEFT}" y="{top:.1f}" width="{width:.1f}" height="{_BAR}"'
    ends = f'x1="{low:.1f}" x2="{high:.1f}" y1="{middle:.1f}" y2="{middle:.1f}"'
    return [
        _text(f"name{own}", _LEFT - 12, middle + 5, one.title),
        f'<rect class="bar{own}" {place} rx="3"/>',
        f'<line class="range" {ends}/>',
        _text(f"value{own}", max(_LEFT + width, high) + 10, middle + 5, label),
    ]


def _text(kind: str, x: float, y: float, text: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
