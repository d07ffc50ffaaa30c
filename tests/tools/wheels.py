"""The built wheel, and virtual environments in which nothing else of the project is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]

SECONDS = 240.0
"""How long one program may take."""


def run_alone(
    *command: str | Path, cwd: Path | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a program as if nothing of this environment were there."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"CI", "VIRTUAL_ENV"} and not name.startswith("PYTHON")
    }
    return subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        cwd=cwd,
        check=check,
    )


def build_wheel(folder: Path) -> Path:
    """Build the project's wheel into a folder."""
    run_alone(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, PROJECT)
    [wheel] = folder.glob("*.whl")
    return wheel


def make_environment(folder: Path, *what: str) -> Path:
    """Make a virtual environment; return its folder of programs.

    Args:
        folder: Where it is to lie.
        *what: What pip is to install into it.
    """
    run_alone(sys.executable, "-m", "venv", "--without-pip", folder)
    install(folder / "bin", *what)
    return folder / "bin"


def install(programs: Path, *what: str) -> None:
    """Install into a virtual environment."""
    pip = (sys.executable, "-m", "pip", "--python", programs / "python")
    run_alone(*pip, "install", "-q", "--disable-pip-version-check", *what)
