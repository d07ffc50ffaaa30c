"""What the demonstration writes for the user: all of it, or nothing."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_oneloop.demo.setups import FILES, RUBBISH
from pytest_oneloop.errors.demo import UnwritablePlaceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_oneloop.demo.setups import SetUp


@contextmanager
def planned_file(path: Path) -> Iterator[Callable[[str], None]]:
    """Find out at once whether a file can be written, and let it be written later.

    Yields:
        What writes the text. A file that is there already is replaced in one step; it stays as it
        is if the block fails.

    Raises:
        UnwritablePlaceError: It cannot be written.
    """
    if path.is_dir():
        raise UnwritablePlaceError(path, "it is a folder")
    try:
        draft = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent)) / path.name
    except OSError as error:
        raise UnwritablePlaceError(path, _problem(error)) from error

    def write(text: str) -> None:
        try:
            draft.write_text(text, encoding="utf-8")
            draft.replace(path)
        except OSError as error:
            raise UnwritablePlaceError(path, _problem(error)) from error

    try:
        yield write
    finally:
        shutil.rmtree(draft.parent)


def write_setups(folder: Path, setups: Sequence[SetUp]) -> None:
    """Write the application and some set-ups into a folder that is new, or empty.

    Raises:
        UnwritablePlaceError: It is neither, or cannot be written; nothing is left in it.
    """
    if folder.exists() and not folder.is_dir():
        raise UnwritablePlaceError(folder, "it is a file")
    try:
        made = not folder.exists()
        if made:
            folder.mkdir()
        elif any(folder.iterdir()):
            raise UnwritablePlaceError(folder, "the folder is not empty")
        try:
            _fill(folder, setups)
        except BaseException:
            _empty(folder)
            if made:
                folder.rmdir()
            raise
    except OSError as error:
        raise UnwritablePlaceError(folder, _problem(error)) from error


def _fill(folder: Path, setups: Sequence[SetUp]) -> None:
    for name in ("README.md", "app.py"):
        shutil.copyfile(FILES / name, folder / name)
    for setup in setups:
        shutil.copytree(
            FILES / setup.folder,
            folder / setup.folder,
            # The package may lie where its files are read-only; the user's are to be edited.
            copy_function=shutil.copyfile,
            ignore=shutil.ignore_patterns(*RUBBISH),
        )


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _problem(error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    return {"no such file or directory": "the folder above it does not exist"}.get(reason, reason)
