"""Real small projects in a folder of their own, and runs of pytest in a process of their own."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tools.processes import MARK, wait_until
from tools.project_files import LEAN_TEST, MIGRATIONS, NOTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SECONDS = 100.0
"""How long one run of pytest may take."""

_CI = {"CI", "BUILD_NUMBER"}
_TESTS = Path(__file__).parents[1]
_SHOP = _TESTS.parent / "examples" / "shop"
# Of the project's tools, those that the inner projects do not use; one of them costs half a second.
_WITHOUT = tuple(
    f"-pno:{name}" for name in ("randomly", "sqla", "hypothesispytest", "rerunfailures")
)
_COUNTED = re.compile(r"(\d+) (passed|failed|errors?|skipped|deselected)")


@dataclass(frozen=True)
class Finished:
    """A run that has ended.

    Attributes:
        code: pytest's exit code; negative for a signal.
        output: All that it wrote, both streams together.
    """

    code: int
    output: str

    @property
    def counts(self) -> dict[str, int]:
        """How many tests had which outcome, as the last line says."""
        last = self.output.rstrip().rpartition("\n")[2]
        return {name.rstrip("s"): int(number) for number, name in _COUNTED.findall(last)}

    def explains(self, text: str, *, stops: bool = False) -> None:
        """Assert that the run shows an error of the plugin as it should be.

        Args:
            text: The whole of it, which appears once, without anything of how it came about.
            stops: Whether no test is run after the first that meets it.
        """
        assert self.output.count(text) == 1, self.output
        assert "Traceback" not in self.output, self.output
        assert "pytest_oneloop/" not in self.output, self.output
        assert self.output.count("no test that needs a database can run") == stops, self.output
        if stops:
            assert self.code == 1, self.output
            assert sum(self.counts.values()) == 1, self.output

    @property
    def header(self) -> str:
        """The plugin's line at the head of the report."""
        [line] = [line for line in self.output.splitlines() if line.startswith("oneloop: ")]
        return line


@dataclass
class Running:
    """A run that goes on.

    Attributes:
        process: pytest's own.
        mark: What `MARK` is in the environment of all its processes.
        folder: Files that tests leave as signs lie here.
    """

    process: subprocess.Popen[str]
    mark: str
    folder: Path

    def wait_for(self, name: str) -> None:
        """Wait until a test has left a file of that name in the project's folder."""
        sign = self.folder / name

        def is_there() -> bool:
            assert sign.exists() or self.process.poll() is None, self.finish().output
            return sign.exists()

        wait_until(is_there, f"{sign} is there")

    def finish(self, seconds: float = SECONDS) -> Finished:
        """Wait for its end."""
        output, _ = self.process.communicate(timeout=seconds)
        return Finished(self.process.returncode, output)


@dataclass(frozen=True)
class Project:
    """A project, and how to run its tests.

    Attributes:
        folder: Where it lies.
        environ: What its runs find in their environment, besides what this process has.
        python: What runs its tests.
    """

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    python: str = sys.executable

    def write(self, files: dict[str, str]) -> None:
        """Write files, the folders that they lie in included."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def change(self, name: str, old: str, new: str) -> None:
        """Replace a piece of text in one file; it must be there."""
        text = (self.folder / name).read_text()
        assert old in text
        (self.folder / name).write_text(text.replace(old, new))

    @contextmanager
    def started(
        self, *options: str, before: Sequence[str] = (), **environment: str
    ) -> Iterator[Running]:
        """Start pytest in a process group of its own; whatever of it is left at the end is killed.

        Args:
            *options: Of pytest.
            before: A command that runs the rest of its arguments.
            **environment: On top of `environ`; an empty text removes the variable.
        """
        mark = secrets.token_hex(8)
        environ = {
            name: value
            for name, value in os.environ.items()
            # On CI pytest repeats whole texts in its summary, which tests count.
            if not name.startswith(("ONELOOP_", "PYTEST_", "PG")) and name not in _CI
        }
        environ |= self.environ | environment | {MARK: mark, "COLUMNS": "200"}
        process = subprocess.Popen(
            [*before, self.python, "-m", "pytest", *_WITHOUT, *options],
            cwd=self.folder,
            env={name: value for name, value in environ.items() if value},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        with process:
            try:
                yield Running(process, mark, self.folder)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)

    def run(self, *options: str, **environment: str) -> Finished:
        """Run pytest to its end."""
        with self.started(*options, **environment) as running:
            return running.finish()


def shop(folder: Path, **environ: str) -> Project:
    """Lay a copy of the example into a folder that is not there yet."""
    shutil.copytree(
        _SHOP, folder, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache", ".venv")
    )
    return Project(folder, environ)


def notes(folder: Path, **environ: str) -> Project:
    """Lay the smallest project into a folder: its tables come from its metadata."""
    project = Project(folder, environ)
    project.write(NOTES)
    return project


def lean(folder: Path, **environ: str) -> Project:
    """Lay the same project into a folder, with tests that need only the database of it."""
    project = notes(folder, **environ)
    project.write({"test_notes.py": LEAN_TEST})
    return project


def migrated_notes(folder: Path, **environ: str) -> Project:
    """Lay the same project into a folder, with migrations."""
    project = notes(folder, **environ)
    project.change("pyproject.toml", 'oneloop_schema = "notes:Base"\n', "")
    project.write(MIGRATIONS)
    return project


def lean_migrated(folder: Path, **environ: str) -> Project:
    """Lay it with migrations, and with tests that need only the database."""
    project = migrated_notes(folder, **environ)
    project.write({"test_notes.py": LEAN_TEST})
    return project
