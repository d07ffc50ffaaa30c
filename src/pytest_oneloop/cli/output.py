"""Where subcommands show what people read: a terminal, or a file or pipe."""

from __future__ import annotations

import io
import re
import sys
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from typing import TextIO

    from rich.console import Console

_PADDING = re.compile(r" +$", re.MULTILINE)


def output(*, highlight: bool = False) -> Console:
    """Return a console on the standard output.

    In a file or a pipe, no line ends in spaces, with which rows of a table are filled up.

    Args:
        highlight: Whether numbers and the like get colours in a terminal.
    """
    from rich.console import Console  # noqa: PLC0415 - `oneloop --help` does without

    if sys.stdout.isatty():
        return Console(highlight=highlight)
    return Console(highlight=highlight, file=cast("TextIO", _Trimmed(sys.stdout)))


class _Trimmed(io.TextIOBase):
    """A text file that lets no line end in spaces.

    Args:
        file: Gets what is written.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the file."""
        return self._file.encoding

    def write(self, text: str, /) -> int:
        """Write a text; what follows its last line break stays as it is, for more may come."""
        lines, line_break, rest = text.rpartition("\n")
        self._file.write(f"{_PADDING.sub('', lines)}{line_break}{rest}")
        return len(text)

    def flush(self) -> None:
        """Hand on what has been written."""
        self._file.flush()
