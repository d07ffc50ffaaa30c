"""The folder of one worker's files, in memory where there is room, gone with its process."""

from __future__ import annotations

import glob
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from pytest_oneloop.databases.keeper import remove_tree
from pytest_oneloop.databases.leases import Lease
from pytest_oneloop.databases.leftovers import sweep
from pytest_oneloop.databases.places import Places, name_of_run
from pytest_oneloop.drivers import ATTACHED, PRISTINE
from pytest_oneloop.errors.sqlite import NoFolderError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ROOM_BYTES: Final = 64 * 2**20
"""What some files of a test's size take, with a margin; Docker gives 64 MB of memory in all."""

_DEADLINE: Final = 10.0
_JOURNALS: Final = ("", "-journal", "-wal", "-shm")
"""What SQLite puts beside a file, by the ends of their names."""


@contextmanager
def run_folder(
    run_id: str, worker: str, places: Places | None = None
) -> Iterator[tuple[Path, bool]]:
    """Make a folder for the files of one worker; remove it when the context ends.

    Removes what killed runs have left first: a folder lives as long as a process holds its lease.

    Args:
        run_id: Stands for the run.
        worker: The worker within the run.
        places: Where it may lie; the usual folders if not given.

    Yields:
        The folder, and whether its files lie in memory.

    Raises:
        NoFolderError: It cannot be made.
    """
    places = places or Places()
    sweep(places)
    place, in_memory = _place(places)
    folder = place / name_of_run(f"sqlite {run_id} {worker}")
    until = time.monotonic() + _DEADLINE
    lease: Lease | None = None
    try:
        while lease is None:
            folder.mkdir(mode=0o700, exist_ok=True)
            # Whoever sweeps in this moment may take the folder for one that nobody holds.
            lease = Lease.take(folder / "lease", until)
            if time.monotonic() > until:
                raise NoFolderError(folder, reason="its lease is held by another process")
    except OSError as error:
        raise NoFolderError(folder, reason=error.strerror or str(error)) from error
    try:
        yield folder, in_memory
    finally:
        remove_tree(folder)
        lease.release()


def _place(places: Places) -> tuple[Path, bool]:
    memory = places.memory
    if memory is not None and memory.is_dir() and os.access(memory, os.W_OK | os.X_OK):
        status = os.statvfs(memory)
        if status.f_bavail * status.f_frsize >= _ROOM_BYTES:
            return memory, True
    return places.temporary, False


def remove_database(path: Path) -> None:
    """Remove a database's file, what SQLite has put beside it, and copies of attached files."""
    for end in _JOURNALS:
        path.with_name(path.name + end).unlink(missing_ok=True)
    for copy in path.parent.glob(f"{glob.escape(path.stem)}{ATTACHED}*"):
        copy.unlink(missing_ok=True)


def has_log(path: Path) -> bool:
    """Tell whether SQLite has something of a file beside it that is not in it yet."""
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def attached_to(path: Path) -> list[tuple[Path, Path]]:
    """Return the copies of files that tests have attached, each with what it looked like first."""
    found = path.parent.glob(f"{glob.escape(path.stem)}{ATTACHED}*.db")
    return [(copy, copy.with_name(copy.name + PRISTINE)) for copy in found]
