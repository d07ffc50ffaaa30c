"""The files that listeners attach to the one real connection of SQLite.

An application attaches a file to each connection of its pool; behind them is one, to which it is
attached once. What is attached is a copy beside the test's own file: tests do not write to a file
of the application's, nor wait for others who do.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pytest_oneloop.sandbox.sqlite.texts import Attach

_NO_FILE: Final = ("", ":memory:")
_LOG: Final = "-wal"
"""The end of the name of what SQLite has written, and not put into the file yet."""


class Attachments:
    """What is attached to one real connection, by the names of the databases."""

    def __init__(self) -> None:
        self._files: dict[str, str] = {}

    def has(self, attach: Attach, file: str) -> bool:
        """Whether a file is attached under that name."""
        return self._files.get(attach.name) == file

    def other(self, attach: Attach, file: str) -> bool:
        """Whether another one is."""
        return self._files.get(attach.name, file) != file

    def add(self, attach: Attach, file: str) -> None:
        """A file was attached."""
        self._files[attach.name] = file

    def forget(self) -> None:
        """Nothing is attached any more, as far as is known."""
        self._files.clear()


def copy_of(file: str, folder: Path) -> str:
    """Return what to attach in place of a file: a copy, made now if there is none.

    A database in memory, and one that a URI names, which may open it for reading alone, are
    attached as they are.

    Args:
        file: As the application names it. It need not exist.
        folder: Where the copy is to lie.
    """
    if file in _NO_FILE or file.startswith("file:"):
        return file
    source = Path(file).absolute()
    copy = folder / f"attached-{hashlib.sha256(str(source).encode()).hexdigest()[:16]}.db"
    if source.exists() and not copy.exists():
        for end in (_LOG, ""):
            part = source.with_name(source.name + end)
            if part.exists():
                shutil.copyfile(part, copy.with_name(copy.name + end))
    return str(copy)
