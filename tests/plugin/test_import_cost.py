"""What the plugin costs a command that runs no test, such as `pytest --version`."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {"sqlalchemy", "alembic", "fastapi", "starlette", "httpx", "httpx2", "asyncpg", "psycopg"}
WITNESS = """
import atexit, os, sys

atexit.register(lambda: open(os.environ["WITNESS"], "w").write("\\n".join(sys.modules)))
"""
# From pytest 9.1 on, `--version` alone answers before any plugin is loaded; twice, it lists them.
VERSION = ("--version", "--version")
WITHOUT: tuple[str, ...] = ()
WITH = ("-p", "pytest_oneloop.plugin")

MODULES = 15
"""How many more modules may be loaded with the plugin than without."""

SHARE = 0.15
"""How much longer the command may take: 30 ms of some 200, where pytest has no other plugin."""


class Command:
    """`pytest --version --version` in an empty folder, without any plugin but those named."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._witness = folder / "modules"
        (folder / "witness.py").write_text(WITNESS)

    def run(self, *plugins: str) -> float:
        """Run it; return the seconds of processor time that it took, which others cannot add to."""
        environ = os.environ | {
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": str(self._folder),
            "WITNESS": str(self._witness),
        }
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "witness", *plugins, *VERSION],
            env=environ,
            cwd=self._folder,
            check=True,
            capture_output=True,
            timeout=60,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def modules(self, *plugins: str) -> set[str]:
        """Return the modules that are loaded when it ends."""
        self.run(*plugins)
        return set(self._witness.read_text().split("\n"))


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def test_nothing_heavy_is_imported(command: Command) -> None:
    loaded = command.modules(*WITH)

    assert "pytest_oneloop.plugin" in loaded
    assert {name.partition(".")[0] for name in loaded} & HEAVY == set()
    assert "pytest_oneloop.run" not in loaded


def test_few_modules_are_imported(command: Command) -> None:
    added = command.modules(*WITH) - command.modules(*WITHOUT)

    assert len(added) <= MODULES, sorted(added)


def test_it_takes_little_time(command: Command) -> None:
    for attempt in (1, 2):
        rounds = [(command.run(*WITHOUT), command.run(*WITH)) for _ in range(9)]
        without = statistics.median(one for one, _ in rounds)
        added = statistics.median(two - one for one, two in rounds)
        print(  # noqa: T201 - a figure for whoever runs it with -rP
            f"round {attempt}: {1000 * without:.0f} ms without, {1000 * added:+.0f} ms with it"
        )
        if added < SHARE * without:
            return
    pytest.fail(f"the plugin adds {1000 * added:.0f} ms to {1000 * without:.0f} ms")
