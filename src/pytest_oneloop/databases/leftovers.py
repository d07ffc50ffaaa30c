"""The folders of runs whose processes, the keeper's too, were killed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_oneloop.databases.keeper import remove_tree
from pytest_oneloop.databases.leases import try_lock

if TYPE_CHECKING:
    from pytest_oneloop.databases.places import Places


def sweep(places: Places) -> list[Path]:
    """Remove the folders of this user's dead runs.

    A run lives as long as its keeper or one of its processes does; both hold locks that the kernel
    gives back. Below one millisecond when there is nothing to remove, else some 20 ms per run.

    Returns:
        What was removed.
    """
    found = [folder for place in places.all() for folder in _own_folders(place)]
    # Homes first: a folder that belongs to one is known as left over once the home is gone.
    found.sort(key=lambda folder: not (folder / "lease").exists())
    return [folder for folder in found if _sweep(folder, places)]


def _own_folders(place: Path) -> list[Path]:
    prefix, uid = f"oneloop-{os.geteuid()}-", os.geteuid()
    try:
        with os.scandir(place) as entries:
            return [
                Path(entry.path)
                for entry in entries
                if entry.name.startswith(prefix)
                and entry.is_dir(follow_symlinks=False)
                and entry.stat(follow_symlinks=False).st_uid == uid
            ]
    except (FileNotFoundError, PermissionError):
        return []  # such a place holds no folder of ours


def _sweep(folder: Path, places: Places) -> bool:
    if folder.name.endswith(".gone"):
        remove_tree(folder)
        return True
    if (folder / "lease").exists():
        return discard(folder, places)
    if any((place / folder.name / "lease").exists() for place in places.all()):
        return False
    if (folder / "home").exists() and Path((folder / "home").read_text(), "lease").exists():
        return False
    remove_tree(folder)
    return True


def discard(home: Path, places: Places) -> bool:
    """Remove a run's folders if no process of the run is left, and its keeper is dead.

    Returns:
        Whether they were removed.
    """
    keeper = try_lock(home / "keeper", create=True)
    if keeper is None:
        return False
    try:
        lease = try_lock(home / "lease", create=False)
        if lease is None:
            return False
        try:
            bury(home, places)
        finally:
            os.close(lease)
    finally:
        os.close(keeper)
    return True


def bury(home: Path, places: Places) -> None:
    """Take a run's home out of use at once, then remove all that belongs to it.

    Whoever calls it holds the keeper's lock.
    """
    gone = home.with_name(f"{home.name}.{os.getpid()}.gone")
    home.rename(gone)
    for place in places.all():
        if place != home.parent:
            remove_tree(place / home.name)
    remove_tree(gone)
