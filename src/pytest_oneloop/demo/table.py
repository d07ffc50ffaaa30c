"""The table of `oneloop demo`: in a terminal it fills row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from pytest_oneloop.demo import wording

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from rich.console import RenderableType

    from pytest_oneloop.demo.measurement import Measurement
    from pytest_oneloop.demo.setups import SetUp

COLUMNS = ("passed", "failed", "time", "conns", "DDL", "leaked")
"""What was measured, as the columns are named."""

NARROW = 60
"""Below this width, in cells, a set-up has lines of its own instead of a row."""


class Display:
    """Shows the two tables while its block lasts: row by row in a terminal, elsewhere whole.

    The table that fills is below the one that is complete, so that it fits a small terminal.

    Args:
        console: Where to.
        setups: The rows of both tables.
        version: The server's.
    """

    def __init__(self, console: Console, setups: Sequence[SetUp], version: str) -> None:
        self._console = console
        self._setups = setups
        self._version = version
        self._measured: list[Measurement] = []
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        self._task = self._progress.add_task("", total=2 * len(setups))
        self._live = Live(get_renderable=self._growing, console=console, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live.is_started:
            self._live.stop()
        if error is None:
            self._console.print(self._end())

    def begin(self, setup: SetUp, *, plugin: bool) -> None:
        """Show that a set-up is running."""
        how = "with" if plugin else "without"
        self._progress.update(self._task, description=f"set-up {setup.number}, {how} the plugin")

    def add(self, measurement: Measurement) -> None:
        """Show what was measured."""
        self._measured.append(measurement)
        self._progress.advance(self._task)
        if len(self._of(plugin=measurement.plugin)) == len(self._setups):
            self._console.print(self._table(plugin=measurement.plugin))

    def _growing(self) -> RenderableType:
        plugin = len(self._measured) >= len(self._setups)
        rows = len(self._of(plugin=plugin))
        table = [self._table(plugin=plugin)] if 0 < rows < len(self._setups) else []
        return Group(*table, self._progress)

    def _end(self) -> RenderableType:
        notes = wording.notes(self._setups, self._measured)
        return Group(
            Text(wording.summary(self._measured), style="bold"),
            Text(""),
            *(Text(note, style="dim") for note in notes),
            Text(wording.origin(self._version), style="dim"),
        )

    def _of(self, *, plugin: bool) -> list[Measurement]:
        return [measured for measured in self._measured if measured.plugin is plugin]

    def _table(self, *, plugin: bool) -> RenderableType:
        title = "With the plugin, the same files" if plugin else "Without the plugin"
        titles = {setup.number: setup.title for setup in self._setups}
        if self._console.width < NARROW:
            lines = [
                line
                for measured in self._of(plugin=plugin)
                for line in _lines(titles[measured.number], measured)
            ]
            return Group(Text(title, style="bold"), *lines, Text(""))
        table = Table(
            title=title,
            title_justify="left",
            title_style="bold",
            box=None,
            pad_edge=False,
            padding=(0, 2, 0, 0),
            width=min(self._console.width, 100),
        )
        table.add_column("#", no_wrap=True)
        table.add_column("set-up", ratio=1)
        for name in COLUMNS:
            table.add_column(name, justify="right", no_wrap=True)
        for measured in self._of(plugin=plugin):
            table.add_row(*_cells(titles[measured.number], measured))
        table.add_section()
        table.add_row("")
        return table


def _cells(title: str, measured: Measurement) -> list[Text]:
    name = Text(title)
    if measured.words:
        name.append(f"\n{measured.words}", style="red")
    return [
        Text(str(measured.number)),
        name,
        Text(str(measured.passed), style="green" if measured.passed else ""),
        Text(str(measured.failed), style="bold red" if measured.failed else ""),
        Text(f"{measured.seconds:.1f} s"),
        Text(str(measured.connections)),
        Text(str(measured.ddl_statements), style="yellow" if measured.ddl_statements else ""),
        Text(str(measured.leaked_rows), style="yellow" if measured.leaked_rows else ""),
    ]


def _lines(title: str, measured: Measurement) -> list[Text]:
    """Return what the columns hold, for a terminal that has no room for them."""
    number, name, *figures = _cells(title, measured)
    named = [
        Text.assemble(f"{label} ", figure) for label, figure in zip(COLUMNS, figures, strict=True)
    ]
    half = len(named) // 2
    first, second = (Text(", ").join(some) for some in (named[:half], named[half:]))
    return [
        Text.assemble(number, " ", name),
        Text.assemble("  ", first),
        Text.assemble("  ", second),
    ]
