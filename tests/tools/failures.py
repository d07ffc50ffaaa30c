"""Runs of the projects in `tests/failures`, and what the reports of their failures say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tools.projects import Project
from tools.sections import LOG

if TYPE_CHECKING:
    from tools.projects import Finished

TESTS = Path(__file__).parents[1]
FAILURES = TESTS / "failures"


class Failures:
    """One run of a project.

    Attributes:
        finished: The run.
        sections: For each test that failed, its sections of this plugin.
    """

    def __init__(self, finished: Finished, log: Path) -> None:
        self.finished = finished
        self.sections: dict[str, list[str]] = {}
        for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
            name, told = json.loads(line)
            self.sections.setdefault(name, []).extend(told)

    def of(self, file: str) -> list[str]:
        """Return the sections of all failures in one file."""
        return [
            text
            for name, told in self.sections.items()
            if name.partition("::")[0] == file
            for text in told
        ]


def expected(project: str, file: str) -> str:
    """Return the section that the failure in a file gets; empty if it gets none."""
    text = (FAILURES / project / file).with_suffix(".txt")
    return text.read_text(encoding="utf-8").rstrip("\n") if text.exists() else ""


def run_failures(project: str, folder: Path, *options: str, **environ: str) -> Failures:
    """Run a copy of a project."""
    shutil.copytree(FAILURES / project, folder, ignore=shutil.ignore_patterns("__pycache__"))
    log = folder / "sections.log"
    finished = Project(folder).run(
        *("-p", "tools.sections", "-p", "no:cacheprovider"),
        *options,
        PYTHONPATH=str(TESTS),
        **{LOG: str(log)},
        **environ,
    )
    return Failures(finished, log)
