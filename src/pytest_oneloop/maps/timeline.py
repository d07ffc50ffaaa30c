"""The rows of the picture, from first to last, and the column that each loop has.

Each row belongs to one loop, and no two rows are at one height; so nothing that is drawn in one
row can meet what is drawn in another, whatever the number of loops that live at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from pytest_oneloop.loops.loopmap import NO_LOOP
from pytest_oneloop.maps.fold import module_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.maps.fold import Arrow, Block, Folded, Guest

SCOPES: Final = ("session", "package", "module", "class", "function", "other", NO_LOOP)
"""Every scope of a loop, widest first, and that of no loop. Columns are in this order."""


@dataclass(frozen=True, slots=True)
class Opens:
    """A loop begins."""

    loop: int


@dataclass(frozen=True, slots=True)
class Runs:
    """A block runs."""

    loop: int
    number: int
    block: Block


@dataclass(frozen=True, slots=True)
class Lives:
    """Something lives on the loop from here on."""

    loop: int
    guest: Guest


@dataclass(frozen=True, slots=True)
class Crosses:
    """Something from another loop is used by the next block."""

    loop: int
    arrow: Arrow


@dataclass(frozen=True, slots=True)
class Closes:
    """A loop ends."""

    loop: int


Row = Opens | Runs | Lives | Crosses | Closes


@dataclass(frozen=True, slots=True)
class Timeline:
    """What is drawn, in order.

    Attributes:
        rows: From first to last.
        columns: For each loop, its column, from 0; two loops that live at a time never share one.
    """

    rows: tuple[Row, ...]
    columns: tuple[int, ...]

    @property
    def width(self) -> int:
        """The number of columns."""
        return max(self.columns, default=-1) + 1


def timeline(folded: Folded) -> Timeline:
    """Return the rows and columns of a folded map; pure."""
    lives = [_life(folded, loop) for loop in range(len(folded.loops))]
    rows = [row for loop, life in enumerate(lives) if life is None for row in _idle(folded, loop)]
    for number, block in enumerate(folded.blocks):
        if _begin(lives[block.loop]) == number:
            rows += _opening(folded, block.loop)
        rows += [Crosses(block.loop, arrow) for arrow in folded.arrows if arrow.target == number]
        rows.append(Runs(block.loop, number, block))
        rows += [Lives(block.loop, guest) for guest in folded.guests if guest.block == number]
        rows += [
            Closes(loop) for loop in reversed(range(len(lives))) if _end(lives[loop]) == number
        ]
    return Timeline(tuple(rows), tuple(_columns(folded, lives)))


def _begin(life: tuple[int, int] | None) -> int | None:
    return None if life is None else life[0]


def _end(life: tuple[int, int] | None) -> int | None:
    return None if life is None else life[1]


def _opening(folded: Folded, loop: int) -> Iterator[Row]:
    yield Opens(loop)
    for guest in folded.guests:
        if guest.loop == loop and guest.block is None:
            yield Lives(loop, guest)
    for arrow in folded.arrows:
        if arrow.target_loop == loop and arrow.target is None:
            yield Crosses(loop, arrow)


def _idle(folded: Folded, loop: int) -> list[Row]:
    """Return the rows of a loop on which no step runs."""
    return [*_opening(folded, loop), Closes(loop)]


def _life(folded: Folded, loop: int) -> tuple[int, int] | None:
    """Return the first and the last block during which a loop lives; `None` if it runs none."""
    own = [number for number, block in enumerate(folded.blocks) if block.loop == loop]
    if not own:
        return None
    home = folded.blocks[own[0]].home
    within = {
        "session": "",
        "package": f"{PurePosixPath(module_of(home)).parent}/".removeprefix("./"),
        "module": f"{module_of(home)}::",
        "class": f"{home.rpartition('::')[0]}::",
    }.get(folded.loops[loop].scope)
    if within is None:
        return own[0], own[-1]
    served = [n for n, block in enumerate(folded.blocks) if block.home.startswith(within)]
    return own[0], max([own[-1], *served])


def _columns(folded: Folded, lives: list[tuple[int, int] | None]) -> list[int]:
    """Return a column for each loop; those of one scope are beside one another."""
    columns = [0] * len(lives)
    first = 0
    for scope in SCOPES:
        taken: list[int] = []  # for each column of the scope, the last block of its last loop
        own = [n for n, loop in enumerate(folded.loops) if loop.scope == scope]
        for loop in sorted(own, key=lambda loop: lives[loop] or (-1, -1)):
            begin, end = lives[loop] or (-1, -1)
            free = next((n for n, last in enumerate(taken) if last < begin), len(taken))
            # Loops without a step are drawn one after another, before all others.
            free = 0 if lives[loop] is None else free
            taken[free : free + 1] = [end]
            columns[loop] = first + free
        first += len(taken)
    return columns
