"""The files that are attached to connections of SQLite: copies, beside the test's own file.

Tests do not write to a file of the application's, nor wait for others who do. An application
attaches a file to each connection of its pool. In the sandbox there is one behind them, to which it
is attached once; real connections have a copy for all of them, which is put back after a test.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_oneloop.drivers import ATTACHED, PRISTINE, TEMPLATE

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
    if is_no_file(file):
        return file
    copy = folder / f"attached-{_short(file)}.db"
    source = _source(folder, file)
    if source.exists() and not copy.exists():
        duplicate(source, copy)
    return str(copy)


def fresh_copy_of(file: str, folder: Path) -> str:
    """Return what a test attaches in place of a file, likewise: a copy of what is in it now.

    It ends with the test's connection, and the file may be the test's own.
    """
    if is_no_file(file):
        return file
    copy = folder / f"attached-{_short(file)}-now.db"
    for end in (_LOG, "-journal", "-shm", ""):
        copy.with_name(copy.name + end).unlink(missing_ok=True)
    source = _source(folder, file)
    if source.exists():
        duplicate(source, copy)
    return str(copy)


def is_no_file(file: str) -> bool:
    """Tell whether what is attached is in memory, or named by a URI."""
    return file in _NO_FILE or file.startswith("file:")


def copy_for(main: Path, file: str) -> str:
    """Return what a real connection attaches in place of a file, likewise.

    How the copy looks at first lies beside it, so that it can be put back after a test.

    Args:
        main: The file that the connection is to.
        file: As the application names it.
    """
    if is_no_file(file):
        return file
    copy = main.with_name(f"{main.stem}{ATTACHED}{_short(file)}.db")
    if not copy.exists():
        source, pristine = _source(main.parent, file), copy.with_name(copy.name + PRISTINE)
        if source.exists():
            duplicate(source, pristine)
            duplicate(pristine, copy)
        else:
            copy.touch()
            pristine.touch()
    return str(copy)


def duplicate(source: Path, target: Path) -> None:
    """Copy a database's file, and what SQLite has not put into it yet."""
    for end in (_LOG, ""):
        part = source.with_name(source.name + end)
        if part.exists():
            shutil.copyfile(part, target.with_name(target.name + end))


def _source(folder: Path, file: str) -> Path:
    """Return what a copy is made of: the file, or what the schema's source has made of it."""
    made = folder / f"{TEMPLATE}{ATTACHED}{_short(file)}.db"
    return made if made.exists() else Path(file).absolute()


def _short(file: str) -> str:
    return hashlib.sha256(str(Path(file).absolute()).encode()).hexdigest()[:16]
