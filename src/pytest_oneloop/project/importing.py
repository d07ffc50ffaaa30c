"""Whether pytest will find a module of the project, and what to add to `pythonpath` if not."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_oneloop.project.discovery import Project


def missing_pythonpath(project: Project, target: str, folder: Path) -> str | None:
    """Return the folder, relative to pytest's root folder, that Python has to look into as well.

    Args:
        project: The project.
        target: `package.module:name`.
        folder: The folder from which the module has its name.

    Returns:
        `None` if the module is found anyway: it is installed where this command runs, the
        configuration names the folder, or pytest adds it by itself.
    """
    root = project.configuration.root
    held = (project.configuration.get("pythonpath") or "").split()
    if folder in {(root / one).resolve() for one in held} | {root / one for one in held}:
        return None
    top = target.partition(":")[0].partition(".")[0]
    if _is_installed(top, folder) or _is_added_by_pytest(project, folder):
        return None
    return os.path.relpath(folder, root)


def is_importable(top: str) -> bool:
    """Tell whether Python finds a module that belongs to no package. Imports nothing."""
    try:
        return find_spec(top) is not None
    except ValueError:  # `__main__`, which is the module that runs
        return False


def _is_installed(top: str, folder: Path) -> bool:
    try:
        # Finding a module of no package imports nothing.
        spec = find_spec(top)
    except ValueError:  # `__main__`, which is the module that runs
        return False
    if spec is None:
        return False
    places = [*(spec.submodule_search_locations or ()), spec.origin or ""]
    return any(Path(place).resolve() in _homes(top, folder) for place in places)


def _homes(top: str, folder: Path) -> set[Path]:
    return {(folder / top).resolve(), (folder / f"{top}.py").resolve()}


def _is_added_by_pytest(project: Project, folder: Path) -> bool:
    """Whether the folder is the first one without `__init__.py` above a conftest or a test."""
    if "importlib" in (project.configuration.get("addopts") or ""):
        return False
    return any(
        module.is_test and module.folder == folder and _first_folder(module.path) == folder
        for module in project.sources.modules
    )


def _first_folder(path: Path) -> Path:
    base = path.parent
    while (base / "__init__.py").is_file():
        base = base.parent
    return base
