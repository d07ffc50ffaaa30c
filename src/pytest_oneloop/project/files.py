"""The files of a project that are read, and those that cannot be."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SKIPPED = {"__pycache__", "node_modules", "site-packages", "build", "dist", "venv", "env"}


@dataclass(frozen=True, slots=True)
class Unread:
    """A file or folder that could not be looked at; `line` is where a file is not valid."""

    path: Path
    problem: str
    line: int | None = None


def files_below(folder: Path, unread: list[Unread]) -> Iterator[Path]:
    """Yield each Python file below a folder, and each `alembic.ini`, in the order of their names.

    Virtual environments and hidden folders are left out. A folder that this user may not look into
    is noted in `unread`.
    """

    def note(error: OSError) -> None:
        unread.append(Unread(Path(error.filename), refused(error)))

    for base, folders, names in os.walk(folder, onerror=note):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in _SKIPPED
            and not _is_environment(Path(base) / name)
        )
        for name in sorted(names):
            if name.endswith(".py") or name == "alembic.ini":
                yield Path(base) / name


def refused(error: OSError) -> str:
    """Return what the system said of a file that it does not open, as a clause."""
    return f"cannot be read: {(error.strerror or str(error)).lower()}"


def _is_environment(folder: Path) -> bool:
    try:
        return (folder / "pyvenv.cfg").exists()
    except PermissionError:  # the walk says so, when it gets there
        return False
