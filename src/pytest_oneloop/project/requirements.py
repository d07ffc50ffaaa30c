"""Which packages a project asks for, as far as its files and this environment show."""

from __future__ import annotations

import os
import re
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_FILES = (
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
    "tox.ini",
    "Pipfile",
    "environment.yml",
    "*requirements*.txt",
    "*requirements*.in",
    "requirements/*.txt",
    "requirements/*.in",
)


class Requirements:
    """The text of every file of a project that may name packages.

    Args:
        folders: Where such files are looked for; folders below are not.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self._text = "\n".join(
            path.read_text(encoding="utf-8", errors="replace").lower().replace("_", "-")
            for folder in dict.fromkeys(folders)
            for pattern in _FILES
            for path in sorted(folder.glob(pattern))
            # What this user may not read names nothing.
            if path.is_file() and os.access(path, os.R_OK)
        )

    def name(self, package: str) -> bool:
        """Whether one of the files names the package, whatever for."""
        return re.search(rf"(?<![\w.-]){re.escape(package)}(?![\w-])", self._text) is not None

    def have(self, package: str) -> bool:
        """Whether the package is named, or is installed where this runs."""
        return self.name(package) or installed(package) is not None


def installed(package: str) -> str | None:
    """Return the version of an installed package; `None` if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
