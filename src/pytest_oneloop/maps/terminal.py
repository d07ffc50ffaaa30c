"""The loop map in a terminal: time goes down, and each loop is a line on the left.

Signs, not colours, carry the meaning; where the terminal's encoding has no such signs, plain ones
are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import cell_len
from rich.text import Text

from pytest_oneloop.loops.loopmap import NO_LOOP
from pytest_oneloop.maps import wording
from pytest_oneloop.maps.entries import objects
from pytest_oneloop.maps.fold import fold
from pytest_oneloop.maps.layout import fit
from pytest_oneloop.maps.timeline import Closes, Crosses, Lives, Opens, Runs, timeline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from pytest_oneloop.loops.loopmap import LoopMap
    from pytest_oneloop.maps.fold import Arrow, Folded
    from pytest_oneloop.maps.timeline import Row, Timeline


class _Signs(NamedTuple):
    """What lines and marks are made of, each one cell wide."""

    opens: str
    line: str
    closes: str
    fixture: str
    test: str
    lives: str
    leaves: str
    leaves_left: str
    over: str
    along: str
    tip: str
    tip_left: str


_SIGNS: Final = _Signs(*"╷│╵○■◇┝┥┿━▶◀")
_PLAIN: Final = _Signs(*".|'o#*+++=><")
_POOR: Final = str.maketrans(
    {"\N{MIDDLE DOT}": "-", wording.TIMES: "x", "\N{HORIZONTAL ELLIPSIS}": "~"}
)

_COLOURS: Final = {
    "session": "blue",
    "package": "green",
    "module": "cyan",
    "class": "magenta",
    "function": "yellow",
    "other": "bright_black",
    NO_LOOP: "bright_black",
}

_FEW: Final = 40
"""As many steps are shown one by one; a terminal is smaller than a page."""

_BETWEEN: Final = 2
"""The least room between a name and what is said beside it."""

_LEAST: Final = 20
"""The room for words that is kept, even where the lines of many loops leave less."""


def draw(loop_map: LoopMap, console: Console) -> None:
    """Write the map to a console, in its width."""
    folded = fold(loop_map, few=_FEW)
    spelling = _Spelling(console.encoding)
    painter = _Painter(folded, spelling, console.width)
    console.print(Text(spelling.of(f"Loop map of {loop_map.title}"), style="bold"))
    origin = wording.origin(loop_map) if loop_map.with_plugin else ""
    for words in filter(None, (wording.summary(loop_map), origin, wording.folding(folded))):
        console.print(Text(words))
    console.print()
    for line in painter.lines():
        console.print(line, no_wrap=True, overflow="crop")
    console.print()
    console.print(painter.legend())
    for told in objects(folded):
        place = f" ({told.place})" if told.place else ""
        made = f"is made on the {told.made_on} by {told.made_by},"
        used = f"and used on {told.used_on} by {told.used_by}{told.more}{place}."
        console.print()
        console.print(
            Text(spelling.of(told.what), style="bold red"), Text(spelling.of(f"{made} {used}"))
        )


class _Spelling:
    """How signs and texts are written in an encoding, which may lack some of them.

    Attributes:
        signs: What lines are made of.
    """

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._is_poor = not _can_encode(encoding, "".join(_SIGNS))
        self.signs = _PLAIN if self._is_poor else _SIGNS

    def of(self, text: str) -> str:
        """Return a text as it can be written; what has no other form becomes a question mark."""
        if not self._is_poor:
            return text
        return text.translate(_POOR).encode(self._encoding, "replace").decode(self._encoding)


def _can_encode(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


class _Painter:
    """Writes the rows of one map.

    Args:
        folded: The map.
        spelling: Of the signs that lines are made of, and of names.
        width: The cells of a line.
    """

    def __init__(self, folded: Folded, spelling: _Spelling, width: int) -> None:
        self._folded = folded
        self._spelling = spelling
        self._signs = spelling.signs
        self._timeline: Timeline = timeline(folded)
        self._room = max(width - 2 * self._timeline.width, _LEAST)
        # For each column, the loop that is open there.
        self._open: dict[int, int] = {}

    def legend(self) -> Text:
        """Return what the signs mean."""
        signs = self._signs
        text = Text(f"{signs.fixture} fixture  {signs.test} test  {signs.lives} lives on the loop")
        if self._folded.arrows:
            text.append("  ")
            arrow = f"{signs.leaves}{signs.along}{signs.tip}"
            text.append(f"{arrow} crosses, and fails there", style="red")
        return text

    def lines(self) -> list[Text]:
        """Return the rows, from first to last."""
        return [self._line(row) for row in self._timeline.rows]

    def _line(self, row: Row) -> Text:
        signs, loop = self._signs, self._folded.loops[row.loop]
        match row:
            case Opens():
                self._open[self._timeline.columns[row.loop]] = row.loop
                names, note = wording.loop_names(loop), wording.lifetime(loop.scope)
                return self._row(row.loop, signs.opens, self._pair(names, note), "bold")
            case Runs(_, _, block):
                sign = signs.fixture if block.kind == "fixture" else signs.test
                places = {step.place for step in block.steps}
                place = str(block.steps[0].place or "") if len(places) == 1 else ""
                note = " · ".join(filter(None, (wording.note(block), place)))
                return self._row(row.loop, sign, self._pair(wording.shortened(block.name), note))
            case Lives(_, guest):
                return self._row(row.loop, signs.lives, wording.guest_name(guest))
            case Crosses(_, arrow):
                return self._arrow(arrow)
            case Closes():
                text = self._row(row.loop, signs.closes, "")
                del self._open[self._timeline.columns[row.loop]]
                return text

    def _pair(self, names: list[str], note: str) -> str:
        """Return a name at the left and a note at the right edge."""
        for name in names:
            free = self._room - cell_len(name) - cell_len(note)
            if note and free >= _BETWEEN:
                return f"{name}{' ' * free}{note}"
        return fit(names, self._room)

    def _row(self, loop: int, sign: str, words: str, style: str = "") -> Text:
        return self._joined({2 * self._timeline.columns[loop]: sign}, words, style)

    def _arrow(self, arrow: Arrow) -> Text:
        signs, columns = self._signs, self._timeline.columns
        words = fit(
            [f"{name} crosses" for name in wording.arrow_names(arrow, self._folded)], self._room
        )
        source, target = 2 * columns[arrow.source_loop], 2 * columns[arrow.target_loop]
        cells = {target: signs.tip}
        # Where the loop that made it is gone, no line leads to here.
        if self._open.get(columns[arrow.source_loop]) == arrow.source_loop != arrow.target_loop:
            low, high = sorted((source, target))
            between = range(low + 1, high)
            cells |= {
                n: signs.over if n // 2 in self._open and n % 2 == 0 else signs.along
                for n in between
            }
            cells[source] = signs.leaves if source < target else signs.leaves_left
            cells[target] = signs.tip if source < target else signs.tip_left
        return self._joined(cells, words, "bold red")

    def _joined(self, cells: Mapping[int, str], words: str, style: str) -> Text:
        """Return the lines of all loops that are open, with signs in some cells, and words."""
        text = Text()
        for n in range(2 * self._timeline.width - 1):
            held = self._open.get(n // 2) if n % 2 == 0 else None
            colour = "" if held is None else _COLOURS[self._folded.loops[held].scope]
            line = " " if held is None else self._signs.line
            text.append(cells.get(n, line), style=style if n in cells and style else colour)
        if words:
            text.append(f" {self._spelling.of(words)}", style=style)
        text.rstrip()
        return text
