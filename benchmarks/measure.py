"""One measured run: a whole pytest process, timed from outside and from inside."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contestants import Contestant

HERE = Path(__file__).parent
_PLUGINS = ("oneloop", "sqla", "randomly", "xdist", "timeout", "anyio", "hypothesispytest")
_DEADLINE = 300.0
"""Seconds that one run may take."""


class RunFailedError(Exception):
    """A contestant's tests did not pass, so its time means nothing."""


@dataclass(frozen=True)
class Measurement:
    """Seconds of one run.

    Attributes:
        whole: From the start of the process to its end.
        tests: Of all tests together; the first makes the schema, the last cleans up.
        per_test: Of one test: the mean of all but the first and the last.
    """

    whole: float
    tests: float
    per_test: float


@dataclass(frozen=True)
class Count:
    """What one test costs on the wire; exact, since the first and the last do not count.

    Attributes:
        messages: Messages that it sends to the server and waits for.
        connections: Connections that it opens.
    """

    messages: float
    connections: float


def prepare(contestant: Contestant, folder: Path) -> Path:
    """Put a contestant's project together: the common part, and its own."""
    project = folder / contestant.name
    shutil.copytree(HERE / "project", project)
    shutil.copytree(HERE / "contestants" / contestant.name, project, dirs_exist_ok=True)
    shutil.copy(HERE / "timing.py", project)
    return project


def measure(project: Path, environment: dict[str, str], *, tests: int) -> Measurement:
    """Run a project's tests once.

    Raises:
        RunFailedError: Not all of them passed, or not all of them ran.
    """
    times = project / "times.json"
    times.unlink(missing_ok=True)
    off = [name for name in _PLUGINS if name != environment.get("BENCHMARK_PLUGIN")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "timing", "-p", "no:cacheprovider"]
    start = time.perf_counter()
    done = subprocess.run(
        [*command, *(word for name in off for word in ("-p", f"no:{name}"))],
        cwd=project,
        env={
            **os.environ,
            **environment,
            "BENCHMARK_TESTS": str(tests),
            "BENCHMARK_TIMES": str(times),
            "PYTHONPATH": str(project),
        },
        capture_output=True,
        text=True,
        timeout=_DEADLINE,
        check=False,
    )
    whole = time.perf_counter() - start
    if done.returncode or f"{tests} passed" not in done.stdout:
        raise RunFailedError(done.stdout[-4000:] + done.stderr[-2000:])
    seconds = json.loads(times.read_text())
    inner = seconds[1:-1]
    return Measurement(whole, sum(seconds), sum(inner) / len(inner))
