"""The rows of the narrow picture: loops are rails on the left, and all names stand beside them.

For phones, and for maps with more loops at a time than a page has room for: whatever their number,
names have nearly the whole width, and are broken into lines where that is not enough, never cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_oneloop.loops.loopmap import NO_LOOP
from pytest_oneloop.maps import entries, wording
from pytest_oneloop.maps.timeline import Closes, Crosses, Lives, Opens, Runs, timeline

if TYPE_CHECKING:
    from pytest_oneloop.maps.fold import Arrow, Folded
    from pytest_oneloop.maps.timeline import Row, Timeline

_PITCH: Final = 16.0
"""The distance of two rails, in pixels."""

_ALL: Final = 128.0
"""As wide are all rails together; more of them stand closer."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What is seen of one loop in one row.

    Attributes:
        column: Its rail, from 0.
        scope: The loop's.
        part: `begins`, `ends`, or `whole`.
    """

    column: int
    scope: str
    part: str


@dataclass(frozen=True, slots=True)
class RailRow:
    """One row.

    Attributes:
        kind: `head`, `chip fixture`, `chip test`, `badge`, `arrow`; `end` for one without words.
        scope: That of the loop that it is of.
        column: The rail of that loop.
        pieces: What is seen of each loop that lives.
        name: What it is called, in full.
        note: What is said beside that.
        link: Where it leads to: the entry's anchor.
        label: All of it in one line, for a screen reader.
        begins: For an arrow, the rail that it comes from; `None` where that loop is gone.
        failed: Whether something in it has failed.
    """

    kind: str
    scope: str
    column: int
    pieces: tuple[Piece, ...]
    name: str = ""
    note: str = ""
    link: str = ""
    label: str = ""
    begins: int | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Rails:
    """The narrow picture.

    Attributes:
        rows: From first to last.
        columns: How many rails there are.
        pitch: The distance of two rails, in pixels.
    """

    rows: tuple[RailRow, ...]
    columns: int
    pitch: float


def rails(folded: Folded) -> Rails:
    """Return the narrow picture of a folded map; pure."""
    made = timeline(folded)
    pitch = min(_PITCH, _ALL / max(made.width, 1))
    return Rails(tuple(_Layer(folded, made).rows()), made.width, pitch)


class _Layer:
    """Lays the rows of one map, one after another."""

    def __init__(self, folded: Folded, made: Timeline) -> None:
        self._folded = folded
        self._made = made
        # For each rail, the loop that lives there.
        self._open: dict[int, int] = {}
        self._arrows = {id(arrow): number for number, arrow in enumerate(folded.arrows)}
        self._guests = {id(guest): number for number, guest in enumerate(folded.guests)}

    def rows(self) -> list[RailRow]:
        return [self._row(row) for row in self._made.rows]

    def _row(self, row: Row) -> RailRow:
        column = self._made.columns[row.loop]
        if isinstance(row, Opens):
            self._open[column] = row.loop
        pieces = tuple(
            Piece(place, self._folded.loops[loop].scope, _part(row, loop))
            for place, loop in sorted(self._open.items())
        )
        if isinstance(row, Closes):
            del self._open[column]
        scope = self._folded.loops[row.loop].scope
        return self._worded(row, scope, column, pieces)

    def _worded(self, row: Row, scope: str, column: int, pieces: tuple[Piece, ...]) -> RailRow:
        match row:
            case Opens(number):
                loop = self._folded.loops[number]
                note, label = wording.lifetime(scope), entries.loop_label(loop)
                return RailRow("head", scope, column, pieces, loop.name, note, f"l{number}", label)
            case Runs(_, number, block):
                # The loop of a module, a class or a test says where the test is.
                wide = scope in {"session", "package", "other", NO_LOOP} or len(block.steps) > 1
                name = block.name if wide else wording.shortened(block.name)[-1]
                return RailRow(
                    *(f"chip {block.kind}", scope, column, pieces),
                    *(name, wording.note(block), f"s{number}", entries.spoken(block)),
                    failed=bool(wording.failures(block)),
                )
            case Lives(_, guest):
                name, link = wording.guest_name(guest), f"g{self._guests[id(guest)]}"
                label = f"{name} lives here"
                return RailRow("badge", scope, column, pieces, name, "", link, label)
            case Crosses(_, arrow):
                name = wording.arrow_names(arrow, self._folded)[0]
                return RailRow(
                    *("arrow", scope, column, pieces, name, "", f"a{self._arrows[id(arrow)]}"),
                    entries.told(arrow, self._folded),
                    begins=self._begins(arrow),
                )
            case Closes():
                return RailRow("end", scope, column, pieces)

    def _begins(self, arrow: Arrow) -> int | None:
        column = self._made.columns[arrow.source_loop]
        lives = self._open.get(column) == arrow.source_loop != arrow.target_loop
        return column if lives else None


def _part(row: Row, loop: int) -> str:
    if loop != row.loop:
        return "whole"
    return {Opens: "begins", Closes: "ends"}.get(type(row), "whole")
