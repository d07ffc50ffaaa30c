"""Run a part of the tests on each version that is supported and found here: `scripts/matrix`.

Each cell is a virtual environment of its own, made by uv, which can resolve to the lowest versions
(`.venv/bin/pip install uv`). Without a name, all cells are run whose Python this machine has, on
PATH or among pyenv's versions.
"""  # noqa: INP001

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_TESTS = (
    # What SQLAlchemy and the drivers do: pools, loops, tasks, cancellations, types.
    *(f"tests/contract/test_contract_{name}.py" for name in ("loops", "tasks", "errors", "raw")),
    *(f"tests/contract/test_contract_{name}.py" for name in ("hosted", "cancelled")),
    *(f"tests/contract/test_contract_{name}.py" for name in ("left_running", "streams", "types")),
    # What pytest, its plugins, and the web frameworks do.
    *(f"tests/unit/test_{name}.py" for name in ("scopes", "scope_runners")),
    *(f"tests/unit/test_{name}.py" for name in ("project_configuration", "client")),
    *(f"tests/plugin/test_{name}.py" for name in ("runners", "requests")),
    "tests/strategies/test_auto_limits.py",
)
"""What may differ from version to version; some minutes for a cell."""

_SIBLINGS = (
    *("tests-class", "tests-module", "tests-package", "tests-session"),
    *("only-fixtures", "both-set", "project_wins"),
)
"""What is left out: of runners that differ by a loop scope, one is run."""

_EXTRAS = "postgres,sqlite,mysql,demo"
"""All: so their requirements count as direct ones, which have their lowest versions too."""

_DEADLINE = 1800.0
"""Seconds for one cell."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination of versions.

    Attributes:
        name: For the command line.
        python: The version of the interpreter.
        pins: What else is wanted; the newest of all others.
        lowest: The lowest versions that `pyproject.toml` allows, of all that it names.
    """

    name: str
    python: str
    pins: tuple[str, ...] = ()
    lowest: bool = False


_OLDER = ("sqlalchemy==2.0.*", "pytest==8.4.*", "pytest-asyncio==1.2.*")

CELLS = {
    cell.name: cell
    for cell in (
        Cell("lowest", "3.11", lowest=True),
        Cell("3.11", "3.11"),
        Cell("3.11-older", "3.11", _OLDER),
        Cell("3.12", "3.12"),
        Cell("3.12-older", "3.12", _OLDER),
        Cell("3.13", "3.13"),
        Cell("3.13-older", "3.13", _OLDER),
    )
}


def main() -> int:
    """Run the cells; return 1 if one has failed, 2 if one cannot be run."""
    parser = argparse.ArgumentParser(prog="scripts/matrix", description=(__doc__ or "").strip())
    parser.add_argument("cell", nargs="*", help=f"of {', '.join(CELLS)}")
    parser.add_argument("--processes", type=int, default=2, help="in which tests run; 2")
    given = parser.parse_args()
    unknown = [name for name in given.cell if name not in CELLS]
    uv = shutil.which("uv")
    if unknown or uv is None:
        parser.error(
            f"{unknown[0]}: there are {', '.join(CELLS)}"
            if unknown
            else "uv makes the environments, and is not here: .venv/bin/pip install uv"
        )
    cells = [CELLS[name] for name in given.cell or CELLS]
    results = {cell.name: _run(cell, uv, given.processes) for cell in cells}
    for name, result in results.items():
        _say(f"{name:12} {result}")
    missing = bool(given.cell) and any(r.startswith("no Python") for r in results.values())
    failed = any(r.startswith("failed") for r in results.values())
    return 2 if missing else int(failed)


def _run(cell: Cell, uv: str, processes: int) -> str:
    interpreter = _interpreter(cell.python)
    if interpreter is None:
        return f"no Python {cell.python} here"
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="matrix-") as folder:
        # PostgreSQL does not run as root, so another user is to read its programs there.
        Path(folder).chmod(0o755)
        python = str(Path(folder) / "bin/python")
        install = [uv, "pip", "install", "--quiet", "--python", python, "--group", "test"]
        install += ["--resolution", "lowest-direct"] if cell.lowest else []
        tests = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", str(processes)]
        tests += ["-k", f"not ({' or '.join(_SIBLINGS)})"]
        # What the project itself sets is a word that older releases of pytest-asyncio do not know.
        tests += ["-o", "asyncio_default_fixture_loop_scope=function"]
        for command in (
            [uv, "venv", "--quiet", "--allow-existing", "--python", interpreter, folder],
            [*install, "--editable", f".[{_EXTRAS}]", *cell.pins],
            [*tests, *_TESTS],
        ):
            try:
                done = subprocess.run(command, cwd=_ROOT, check=False, timeout=_DEADLINE)
            except subprocess.TimeoutExpired:
                return f"failed: not done in {_DEADLINE:.0f} s"
            if done.returncode:
                return f"failed: {' '.join(command)}"
        versions = _versions(python)
    return f"passed in {time.monotonic() - start:.0f} s: {versions}"


def _interpreter(version: str) -> str | None:
    found = shutil.which(f"python{version}")
    if found and _answers(found):
        return found
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return next(map(str, sorted(root.glob(f"versions/{version}.*/bin/python{version}"))), None)


def _answers(python: str) -> bool:
    """Whether a program is an interpreter; pyenv has stand-ins for what it does not run."""
    done = subprocess.run([python, "-c", ""], check=False, capture_output=True, timeout=30)
    return done.returncode == 0


def _versions(python: str) -> str:
    """Return the versions that say most about a cell."""
    names = ("sqlalchemy", "pytest", "pytest-asyncio", "asyncpg", "psycopg")
    code = f"from importlib.metadata import version as v; print(*(n + ' ' + v(n) for n in {names}))"
    done = subprocess.run(
        [python, "-c", code], check=True, capture_output=True, text=True, timeout=30
    )
    return done.stdout.strip()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
