"""The processes and folders of one run, told from those of all others on the machine."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MARK = "PROJECT_RUN"
"""A variable in the environment of a run, and of every process that it starts."""

_PATIENCE = 30.0
"""Seconds to wait for what happens by itself."""


def processes_of(mark: str) -> dict[int, list[str]]:
    """Return the living processes of a run, by the mark in their environment, with their command.

    Those are pytest, its workers, the server's keeper and the server; not the server's children,
    which write over their environment.
    """
    wanted = f"{MARK}={mark}".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                command = (entry / "cmdline").read_bytes().decode().split("\0")
                if command != [""]:  # of one that has ended, and nobody has asked how
                    found[int(entry.name)] = command[:-1]
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it has just ended, or belongs to somebody else
    return found


def keepers_of(mark: str) -> dict[int, dict[str, Any]]:
    """Return the living keepers of a run's servers, each with the job that it was given."""
    return {
        process: json.loads(command[-1])
        for process, command in processes_of(mark).items()
        if any(part.endswith("keeper.py") for part in command)
    }


def folders_of(mark: str) -> set[Path]:
    """Return the folders of a run's living servers."""
    return {
        Path(folder)
        for job in keepers_of(mark).values()
        for folder in (job["home"], *job["annexes"])
    }


def working_in(folders: Iterable[Path]) -> dict[int, Path]:
    """Return the living processes that work in one of these folders: a server's children, too."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            place = (entry / "cwd").readlink()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if any(str(place).startswith(str(folder)) for folder in folders):
            found[int(entry.name)] = place
    return found


def wait_until(condition: Callable[[], object], what: str, seconds: float = _PATIENCE) -> None:
    """Wait for something that happens by itself, and fail if it does not."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.02)
