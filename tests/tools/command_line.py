"""The command `oneloop`, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ONELOOP = Path(sys.executable).with_name("oneloop")


def oneloop(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `oneloop` in a folder, on a terminal that is 80 cells wide."""
    return run_in(folder, str(ONELOOP), *arguments)


def run_in(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder."""
    environ = {name: value for name, value in os.environ.items() if name != "CI"}
    return subprocess.run(
        command,
        cwd=folder,
        env=environ | {"COLUMNS": "80"},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
