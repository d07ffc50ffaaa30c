"""What tests of a small project have noted of their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.projects import Finished, Project


def take_runs(project: Project) -> dict[str, list[str]]:
    """Return the strategies of each test's runs, and forget them."""
    path = project.folder / "runs"
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        name, strategy = line.rsplit(" ", 1)
        found.setdefault(name, []).append(strategy)
    path.unlink(missing_ok=True)
    return found


def told(done: Finished, file: str) -> dict[str, str]:
    """Return what the summary says of each test of a file that ran on a real database."""
    found = {}
    for line in done.output.splitlines():
        name, ran, how = line.partition(" ran under ")
        if ran and name.startswith(f"{file}::"):
            found[name.removeprefix(f"{file}::")] = how
    return found
