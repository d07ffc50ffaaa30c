"""One run of SQLAlchemy's suite, in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from pathlib import Path

    from compliance.databases import Database

_CONFTEST = """\
import pytest

pytest.register_assert_rewrite("sqlalchemy.testing.assertions")

from sqlalchemy.testing.plugin.pytestplugin import *
"""

_SUITE = "from sqlalchemy.testing.suite import *\n"

_SETUP_CFG = """\
[sqla_testing]
requirement_cls = sqlalchemy_requirements:DefaultRequirements
profile_file = profiles.txt
"""

# SQLAlchemy's plugin runs its own event loop, and expects to be alone with its class fixtures.
_PYTEST_INI = """\
[pytest]
addopts =
    -p no:randomly -p no:rerunfailures -p no:asyncio -p no:anyio -p no:xdist -p no:timeout
    -p no:cacheprovider
markers =
    backend: on every database
    sparse_backend: on one database of each kind
    sparse_driver_backend: on one driver of each kind
    memory_intensive: a lot of memory
    timing_intensive: sensitive to races
    mypy: runs mypy
"""

_ONELOOP = """\
oneloop_schema = compliance_schema:prepare
oneloop_strategy = rollback
oneloop_explain = false
"""

_SCHEMA = """\
from sqlalchemy import Connection, text


def prepare(connection: Connection) -> None:
    for statement in {statements!r}:
        connection.execute(text(statement))
"""

# The class of a test is named after the database too: `JSONTest_postgresql+psycopg_18_6`.
_OF_DATABASE = re.compile(r"_[a-z]+\+\w+$")

_MADE_OF_TESTS = {0, 1}
"""What pytest returns when it has run tests, whether or not they passed."""


class SuiteError(Exception):
    """The run broke off; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one test.

    Attributes:
        verdict: `passed`, `skipped`, `failed`, or `error` for its set-up or teardown.
        words: The error's first line.
    """

    verdict: str
    words: str = ""


def write_project(folder: Path, database: Database, requirements: Path, *, sandboxed: bool) -> None:
    """Write a project that is nothing but SQLAlchemy's suite, set up as it is for a new dialect."""
    folder.mkdir(parents=True)
    (folder / "conftest.py").write_text(_CONFTEST)
    (folder / "test_suite.py").write_text(_SUITE)
    (folder / "setup.cfg").write_text(_SETUP_CFG)
    (folder / "pytest.ini").write_text(_PYTEST_INI + (_ONELOOP if sandboxed else ""))
    (folder / "compliance_schema.py").write_text(_SCHEMA.format(statements=database.setup))
    (folder / "sqlalchemy_requirements.py").write_bytes(requirements.read_bytes())


def start_suite(
    folder: Path, url: str, *, sandboxed: bool, only: str = ""
) -> subprocess.Popen[bytes]:
    """Start the suite in a project that `write_project` has written.

    Args:
        folder: The project.
        url: Of the database; of nothing at all, where the plugin gives one.
        sandboxed: The plugin is there.
        only: Which tests, as pytest's `-k` has it; all, if it is empty.
    """
    command = [sys.executable, "-m", "pytest", "--tb=short", "-q", "-W", "ignore"]
    command += ["--dburi", url, "--junitxml", str(folder / "results.xml")]
    command += ["-k", only] if only else []
    command += [] if sandboxed else ["-p", "no:oneloop"]
    environment = {k: v for k, v in os.environ.items() if k != "CI" and "ONELOOP" not in k}
    with (folder / "output").open("wb") as output:
        return subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )


def finish_suite(
    folder: Path, process: subprocess.Popen[bytes], *, deadline: float
) -> dict[str, Outcome]:
    """Wait for a run, and return what became of each test.

    Args:
        folder: Its project.
        process: The run.
        deadline: Seconds after which it is ended.

    Raises:
        SuiteError: It broke off, or ran no test.
    """
    try:
        process.wait(deadline)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.returncode not in _MADE_OF_TESTS:
        raise SuiteError((folder / "output").read_text(errors="replace")[-4000:])
    outcomes = read_outcomes(folder / "results.xml")
    if not outcomes:
        message = "no test was run"
        raise SuiteError(message)
    return outcomes


def read_outcomes(results: Path) -> dict[str, Outcome]:
    """Read what pytest wrote in JUnit's form; of two entries for one test the worse counts."""
    outcomes: dict[str, Outcome] = {}
    for case in ET.parse(results).getroot().iter("testcase"):  # noqa: S314 - pytest's own file
        name = _OF_DATABASE.sub("", case.get("classname", "").rpartition(".")[2])
        outcome = _outcome(case)
        test = f"{name}::{case.get('name')}"
        if outcomes.get(test, Outcome("passed")).verdict in {"passed", "skipped"}:
            outcomes[test] = outcome
    return outcomes


def _outcome(case: ET.Element) -> Outcome:
    for tag, verdict in (("failure", "failed"), ("error", "error"), ("skipped", "skipped")):
        found = case.find(tag)
        if found is not None:
            return Outcome(verdict, (found.get("message") or "").strip().partition("\n")[0])
    return Outcome("passed")
