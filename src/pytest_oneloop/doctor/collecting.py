"""Asks pytest for a suite: collects it in a process of its own, and runs nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_oneloop.doctor.suite import Suite, read_suite
from pytest_oneloop.errors.doctor import (
    AllDeselectedError,
    CollectionFailedError,
    CollectionTimeoutError,
    NoSuchPathError,
    NoSuiteError,
    SuiteNotImportedError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SECONDS = 600.0
"""How long collecting may take before it is ended."""

COLLECTOR = "pytest_oneloop.collector"

# The plugin is left out: what is wanted are the facts of the suite as it stands.
_OPTIONS = ("-p", "no:oneloop", "-p", "no:pytest_oneloop.plugin", "-p", COLLECTOR)
_PROJECT_FILES = ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg", "setup.py")
_CONFTEST = re.compile(r"^ImportError while loading conftest '(.+)'\.$", re.MULTILINE)
_REASON = re.compile(r"^E\s+(\S.*)$", re.MULTILINE)
_INVALID = re.compile(r'^E\s+File "(.+)", line (\d+)$', re.MULTILINE)
_SYNTAX = re.compile(r"(Syntax|Indentation|Tab)Error\b")
_REFUSED = (
    re.compile(r"^.*?: error: (.+)$", re.MULTILINE),
    re.compile(r"^ERROR: (.+)$", re.MULTILINE),
)


def collect(path: Path) -> Suite:
    """Return the suite that pytest collects.

    The modules of the tests are imported, as ever when pytest collects, in a process of their own
    which ends with it. No test and no fixture is run, and no server is started.

    Args:
        path: A project, a folder of tests, or a file of tests.

    Raises:
        UsageError: pytest collects nothing, or cannot.
    """
    if not path.exists():
        raise NoSuchPathError(path=path)
    root = project_of(path)
    with tempfile.TemporaryDirectory(prefix="oneloop-doctor-") as folder:
        file = Path(folder) / "facts.json"
        targets = [] if path.resolve() == root else [str(path.resolve())]
        output, code = _run(
            [f"--oneloop-facts={file}", "-o", f"cache_dir={folder}", *targets], root
        )
        facts = json.loads(file.read_bytes()) if file.exists() else None
    if facts is None:
        raise _refusal(output, code, root)
    if facts["failures"]:
        raise _not_imported(facts)
    if not facts["tests"] and facts["deselected"]:
        raise AllDeselectedError(path=path, tests=facts["deselected"], selection=facts["selection"])
    if not facts["tests"]:
        raise NoSuiteError(path=path)
    return read_suite(facts)


def project_of(path: Path) -> Path:
    """Return the folder that pytest is to be run in: the nearest with a project's files in it."""
    start = path.resolve()
    start = start if start.is_dir() else start.parent
    for folder in (start, *start.parents):
        if any((folder / name).is_file() for name in _PROJECT_FILES):
            return folder
    return start


def _run(options: Sequence[str], root: Path) -> tuple[str, int]:
    """Run pytest in a process group of its own; return what it wrote, and its exit code."""
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *_OPTIONS, "--collect-only", "-qq", *options],
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=os.environ | {"NO_COLOR": "1"},
        start_new_session=True,
    ) as process:
        try:
            return process.communicate(timeout=SECONDS)[0], process.returncode
        except subprocess.TimeoutExpired:
            raise CollectionTimeoutError(seconds=SECONDS) from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def _refusal(output: str, code: int, root: Path) -> SuiteNotImportedError | CollectionFailedError:
    """Return the error for a run that has collected nothing at all, from pytest's own words."""
    conftest = _CONFTEST.search(output)
    if conftest:
        file = Path(conftest[1])
        shown = str(file.relative_to(root)) if file.is_relative_to(root) else str(file)
        return SuiteNotImportedError(path=shown, reason=_reason(output))
    refused = next((found for one in _REFUSED if (found := one.search(output))), None)
    if code < 0:
        said = f"{signal.Signals(-code).name} ended it while the tests were imported"
        return CollectionFailedError(reason=said)
    last = output.strip().rpartition("\n")[2] or (
        f"it ended with exit code {code} and said nothing, as where a conftest.py or a module of "
        "the project calls sys.exit()"
    )
    return CollectionFailedError(reason=refused[1] if refused else last)


def _not_imported(facts: Mapping[str, Any]) -> SuiteNotImportedError:
    (path, said), *others = facts["failures"]
    return SuiteNotImportedError(path=path or ".", reason=_reason(said), more=len(others))


def _reason(text: str) -> str:
    """Return the line of a traceback that says what is wrong."""
    marked = [one for one in _REASON.findall(text) if not one.startswith(("^", "~"))]
    said = str(marked[-1] if marked else text.strip().rpartition("\n")[2]).strip()
    # Python says apart where a file is not valid, and which file: it may be one that is imported.
    where = _INVALID.findall(text) if _SYNTAX.match(said) else []
    return f"{said} ({Path(where[-1][0]).name}, line {where[-1][1]})" if where else said
