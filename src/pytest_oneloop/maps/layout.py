"""The geometry of the picture: where each loop, step, resident and arrow is drawn.

Time goes down; each loop is a panel in its column. Letters are those of a monospaced font, which
is as good as equally wide everywhere, so that the width of a text is known here: one cell is
`LETTER` of the font's size. All numbers are pixels of the unscaled picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, set_cell_size

from pytest_oneloop.maps import wording
from pytest_oneloop.maps.shapes import Badge, Box, Chip, Clock, Drawing, Panel, Tag
from pytest_oneloop.maps.timeline import Closes, Crosses, Lives, Opens, Runs, timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_oneloop.maps.fold import Arrow, Folded, Guest
    from pytest_oneloop.maps.shapes import Size

LETTER: Final = 0.61
"""A cell's width as a part of the font's size: the widest of the common monospaced fonts."""

HEIGHTS: Final = {Opens: 34, Runs: 34, Lives: 26, Crosses: 28, Closes: 20}
"""How much of the picture's height each kind of row takes."""

_GAP: Final = 6
"""What is left free at the bottom of a row."""


def draw(folded: Folded, size: Size) -> Drawing:
    """Return the geometry of a folded map; pure."""
    return _Draughtsman(folded, size).drawing()


_MARGIN: Final = 2
_PADDING: Final = 10
_TRACK: Final = 9
"""The distance of lines that run beside one another."""

_LONG: Final = 40
"""Cells of a name; a longer one, such as that of a test with parameters, claims no more room."""

_TURN: Final = 12
"""The distance of a line from the panel that it turns to."""

_CHANNEL: Final = 18
"""The distance of columns without an arrow between them."""


class _Draughtsman:
    """Draws one map in one size."""

    def __init__(self, folded: Folded, size: Size) -> None:
        self._folded = folded
        self._size = size
        self._timeline = timeline(folded)
        self._tops: list[float] = []
        self._height: float = _MARGIN
        for row in self._timeline.rows:
            self._tops.append(self._height)
            self._height += HEIGHTS[type(row)]
        self._heights_of_sources()
        self._lay_tracks()
        self._place_columns()
        self._tests = self._names_of_tests()

    def drawing(self) -> Drawing:
        rows = list(zip(self._timeline.rows, self._tops, strict=True))
        measured = self._size.clock > 0
        return Drawing(
            size=self._size,
            width=self._columns[-1].right + _MARGIN if self._columns else self._size.width,
            height=self._height,
            panels=tuple(self._panel(row.loop, y) for row, y in rows if isinstance(row, Opens)),
            chips=tuple(self._chip(row, y) for row, y in rows if isinstance(row, Runs)),
            badges=tuple(self._badge(row, y) for row, y in rows if isinstance(row, Lives)),
            tags=tuple(self._tag(row, y) for row, y in rows if isinstance(row, Crosses)),
            clocks=tuple(
                Clock(y + (HEIGHTS[Runs] - _GAP) / 2, f"{row.block.started:.2f} s")
                for row, y in rows
                if measured and isinstance(row, Runs) and row.block.started is not None
            ),
        )

    # -- heights ---------------------------------------------------------------------------------

    def _heights_of_sources(self) -> None:
        """Note the middle of the rows at which arrows can begin, and where each loop ends."""
        self._middle_of_loop: dict[int, float] = {}
        self._middle_of_block: dict[int, float] = {}
        self._middle_of_arrow: dict[int, float] = {}
        self._end_of_loop: dict[int, float] = {}
        for row, top in zip(self._timeline.rows, self._tops, strict=True):
            middle = top + (HEIGHTS[type(row)] - _GAP) / 2
            match row:
                case Opens(loop):
                    self._middle_of_loop[loop] = middle
                case Runs(_, number, _):
                    self._middle_of_block[number] = middle
                case Crosses(_, arrow):
                    self._middle_of_arrow[id(arrow)] = middle
                case Closes(loop):
                    self._end_of_loop[loop] = top + HEIGHTS[Closes] / 2
                case Lives():
                    pass

    def _source_height(self, arrow: Arrow) -> float:
        if arrow.source is None:
            return self._middle_of_loop[arrow.source_loop]
        return self._middle_of_block[arrow.source]

    # -- columns ---------------------------------------------------------------------------------

    def _channel(self, arrow: Arrow) -> int:
        """Return the space between columns in which an arrow runs down: left of that column."""
        source = self._timeline.columns[arrow.source_loop]
        target = self._timeline.columns[arrow.target_loop]
        return source + 1 if target > source else source

    def _lay_tracks(self) -> None:
        """Give each source a track of its own in the space in which its arrows run."""
        spans: dict[tuple[int, float], list[float]] = {}
        for arrow in self._folded.arrows:
            source = self._source_height(arrow)
            heights = spans.setdefault((self._channel(arrow), source), [source])
            heights.append(self._middle_of_arrow[id(arrow)])
        self._track: dict[tuple[int, float], int] = {}
        self._tracks: dict[int, int] = {}
        taken: dict[int, list[float]] = {}
        for (channel, source), heights in sorted(spans.items(), key=lambda span: min(span[1])):
            lasts = taken.setdefault(channel, [])
            track = next((n for n, last in enumerate(lasts) if last < min(heights)), len(lasts))
            lasts[track : track + 1] = [max(heights)]
            self._track[channel, source] = track
            self._tracks[channel] = len(lasts)

    def _channel_width(self, channel: int) -> float:
        tracks = self._tracks.get(channel, 0)
        return (_CHANNEL if channel else 0) + (_TRACK * tracks + _TURN) * bool(tracks)

    def _place_columns(self) -> None:
        number = self._timeline.width
        channels = [self._channel_width(channel) for channel in range(number)]
        left: float = _MARGIN + self._size.clock
        wanted = [self._wanted(column) for column in range(number)]
        widths = _share(self._size.width - left - _MARGIN - sum(channels), wanted)
        self._columns: list[Box] = []
        for channel, width in zip(channels, widths, strict=True):
            left += channel
            self._columns.append(Box(left, 0, max(width, self._size.column), self._height))
            left += self._columns[-1].width

    def _wanted(self, column: int) -> float:
        """Return the width in which a column's names can be read, in their shortest form."""
        here = {loop for loop, its in enumerate(self._timeline.columns) if its == column}
        loops = [wording.loop_names(self._folded.loops[loop])[-1] for loop in here]
        steps = [block.name for block in self._folded.blocks if block.loop in here]
        heads = max((cell_len(name) for name in loops), default=0)
        chips = max((cell_len(wording.shortened(name)[-1]) for name in steps), default=0)
        tracks = max((len(self._guests(loop)) for loop in here), default=0)
        letter = LETTER * self._size.font
        head = min(heads, _LONG) * letter + 2 * _PADDING + 2
        chip = min(chips, _LONG) * letter + 2 * _PADDING + _ICON + _TRACK * tracks
        return max(head, chip, self._size.column)

    # -- what is drawn ---------------------------------------------------------------------------

    def _guests(self, loop: int) -> list[Guest]:
        return [guest for guest in self._folded.guests if guest.loop == loop]

    def _inner(self, loop: int) -> Box:
        """Return the part of a panel in which its rows are."""
        column = self._columns[self._timeline.columns[loop]] if self._columns else Box(0, 0, 0, 0)
        tracks = len(self._guests(loop)) if self._columns else 0
        width = column.width - 2 * _PADDING - _TRACK * tracks
        return Box(column.x + _PADDING, 0, width, 0)

    def _cells(self, width: float) -> int:
        return int(width / (LETTER * self._size.font))

    def _panel(self, loop: int, y: float) -> Panel:
        column = self._columns[self._timeline.columns[loop]]
        box = Box(column.x, y, column.width, self._end_of_loop[loop] - y)
        head = Box(column.x, y, column.width, HEIGHTS[Opens] - _GAP)
        known = self._folded.loops[loop]
        room = self._cells(column.width - 2 * _PADDING)
        return Panel(
            loop, box, head, *_pair(wording.loop_names(known), wording.lifetime(known.scope), room)
        )

    def _chip(self, row: Runs, y: float) -> Chip:
        inner = self._inner(row.loop)
        box = Box(inner.x, y, inner.width, HEIGHTS[Runs] - _GAP)
        names = self._tests.get(row.number) or wording.shortened(row.block.name)
        name, note = _pair(names, wording.note(row.block), self._cells(box.width - _ICON))
        return Chip(row.number, row.block, box, name, note)

    def _names_of_tests(self) -> dict[int, list[str]]:
        """Return a name for each single test: as much of it as all of them have room for."""
        forms = {
            number: (wording.shortened(block.name), wording.note(block))
            for number, block in enumerate(self._folded.blocks)
            if block.kind == "test" and len(block.steps) == 1
        }
        longest = max((len(names) for names, _ in forms.values()), default=1)
        for first in range(longest):
            names = {
                number: names[min(first, len(names) - 1) :] for number, (names, _) in forms.items()
            }
            if all(
                cell_len(names[number][0]) + 2 + cell_len(note) <= self._room(number)
                for number, (_, note) in forms.items()
            ):
                break
        return names if forms else {}

    def _room(self, number: int) -> int:
        """Return the cells for a block's name and what is said beside it."""
        return self._cells(self._inner(self._folded.blocks[number].loop).width - _ICON)

    def _badge(self, row: Lives, y: float) -> Badge:
        inner = self._inner(row.loop)
        box = Box(inner.x, y, inner.width, HEIGHTS[Lives] - _GAP)
        line = box.right + _TRACK * (1 + self._guests(row.loop).index(row.guest))
        name = fit([wording.guest_name(row.guest)], self._cells(box.width - _ICON))
        return Badge(row.guest, box, name, line, self._end_of_loop[row.loop] - _GAP)

    def _tag(self, row: Crosses, y: float) -> Tag:
        inner = self._inner(row.loop)
        names = wording.arrow_names(row.arrow, self._folded)
        name = fit(names, self._cells(inner.width - _ICON))
        width = _ICON + cell_len(name) * LETTER * self._size.font
        box = Box(inner.x, y, min(width, inner.width), HEIGHTS[Crosses] - _GAP)
        return Tag(row.arrow, box, name, self._path(row.arrow, box))

    def _path(self, arrow: Arrow, box: Box) -> tuple[tuple[float, float], ...]:
        source, channel = self._source_height(arrow), self._channel(arrow)
        columns = self._timeline.columns
        begin = self._inner(arrow.source_loop)
        to_the_right = columns[arrow.target_loop] > columns[arrow.source_loop]
        to_the_left = columns[arrow.target_loop] < columns[arrow.source_loop]
        if arrow.source is None:
            begin = self._columns[columns[arrow.source_loop]]
        track = self._columns[channel].x - _TURN - _TRACK * self._track[channel, source]
        return (
            (begin.right if to_the_right else begin.x, source),
            (track, source),
            (track, box.middle),
            (box.right if to_the_left else box.x, box.middle),
        )


_ICON: Final = 32
"""What a box needs for its icon and for its edges."""


def fit(candidates: Sequence[str], cells: int) -> str:
    """Return the first text that fits into so many cells; the last one, shortened, if none does."""
    for text in candidates:
        if cell_len(text) <= cells:
            return text
    return f"{set_cell_size(candidates[-1], max(cells - 1, 0)).rstrip()}…"


def _share(free: float, wanted: Sequence[float]) -> list[float]:
    """Return a width for each column: what it wants, and of the rest an equal part.

    Where there is too little, those that want least get it all, and the others equal parts.
    """
    rest = free - sum(wanted)
    if rest >= 0:
        return [width + rest / len(wanted) for width in wanted]
    shares = [0.0] * len(wanted)
    for done, place in enumerate(sorted(range(len(wanted)), key=wanted.__getitem__)):
        shares[place] = min(wanted[place], free / (len(wanted) - done))
        free -= shares[place]
    return shares


def _pair(names: Sequence[str], note: str, cells: int) -> tuple[str, str]:
    """Return a name and what is said beside it: all of both, or less of them."""
    for said in filter(None, (note, note.partition(" · ")[0])):
        for name in names:
            if cell_len(name) + 2 + cell_len(said) <= cells:
                return name, said
    return fit(names, cells), ""
