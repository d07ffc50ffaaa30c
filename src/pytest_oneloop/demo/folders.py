"""The folders of a demonstration, and those of others that were killed."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_oneloop.databases.identity import find_identity
from pytest_oneloop.databases.keeper import remove_tree
from pytest_oneloop.databases.leases import try_lock
from pytest_oneloop.databases.places import Places

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX: Final = "oneloop-demo-"
"""How the name of such a folder begins."""

_LEASE: Final = "lease"
"""A file in each of them, which its process keeps locked; the kernel unlocks it at its end."""


@contextmanager
def demonstration_folders() -> Iterator[tuple[Path, Path]]:
    """Make the folders of one demonstration, and remove those of others that were killed.

    Yields:
        One for files, and one whose path is short enough for a socket; for this user alone.
    """
    places = Places()
    sweep(places)
    made = Path(tempfile.mkdtemp(prefix=f".{PREFIX}")).resolve()
    with _leased(made, made.with_name(made.name[1:])) as files:
        name = f"{files.name}-s"
        place = places.for_home(name, find_identity(makes_data=False))
        (place / f".{name}").mkdir(mode=0o700)
        with _leased(place / f".{name}", place / name) as sockets:
            yield files, sockets


@contextmanager
def _leased(made: Path, folder: Path) -> Iterator[Path]:
    """Lock a new folder, and give it its name then: by that name, none is seen without its lock."""
    lease = try_lock(made / _LEASE, create=True)
    made.rename(folder)
    try:
        yield folder
    finally:
        remove_tree(folder)
        if lease is not None:
            os.close(lease)


def sweep(places: Places) -> list[Path]:
    """Remove the folders of this user's demonstrations whose process is gone.

    Returns:
        What was removed.
    """
    found = [folder for place in places.all() for folder in _own_folders(place)]
    return [folder for folder in found if _remove(folder)]


def _own_folders(place: Path) -> list[Path]:
    try:
        with os.scandir(place) as entries:
            return [
                Path(entry.path)
                for entry in entries
                if entry.name.startswith(PREFIX)
                and entry.is_dir(follow_symlinks=False)
                and entry.stat(follow_symlinks=False).st_uid == os.geteuid()
            ]
    except (FileNotFoundError, PermissionError):
        return []  # such a place holds no folder of ours


def _remove(folder: Path) -> bool:
    lease = try_lock(folder / _LEASE, create=False)
    if lease is None:
        return False
    try:
        remove_tree(folder)
    finally:
        os.close(lease)
    return True
