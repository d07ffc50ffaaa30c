"""One run of SQLAlchemy's suite, in a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from compliance import beneath, chosen

if TYPE_CHECKING:
    from compliance.databases import Database

_CONFTEST = """\
import pytest

pytest.register_assert_rewrite("sqlalchemy.testing.assertions")

from sqlalchemy.testing.plugin.pytestplugin import *
from sqlalchemy.dialects.mysql import provision


@provision.generate_driver_url.for_db("mysql")
def keep_name(url, driver, query):
    # It would connect, past any engine, and call the dialect "mariadb" if the server is one.
    return url
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
oneloop_schema = {schema}
oneloop_explain = false
{settings}
"""

_SCHEMA = """\
from sqlalchemy import Connection, text


def prepare(connection: Connection) -> None:
    for statement in {statements!r}:
        connection.execute(text(statement))
"""

_REFUSED = re.compile(r"\bOL2\d\d(?=:)")
"""The code of an error by which the sandbox says what it cannot do."""

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
        refused: The code of the error by which the sandbox has refused something; empty if it
            has not.
    """

    verdict: str
    words: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """How the suite is run.

    Attributes:
        url: Of the database; of nothing at all, where the plugin gives one.
        strategy: The plugin's; it is not there, if this is empty.
        settings: What the plugin is told besides, as lines of an ini file.
        beneath: The URL of the server on which the tables of a class are made past the plugin;
            they are made as the suite makes them, if this is empty.
        only: Which tests, as pytest's `-k` has it; all, if it is empty.
        chosen: Their names; all, if there are none.
    """

    url: str
    strategy: str = ""
    settings: tuple[str, ...] = ()
    beneath: str = ""
    only: str = ""
    chosen: tuple[str, ...] = ()


def write_project(folder: Path, database: Database, requirements: Path, way: Way) -> None:
    """Write a project that is nothing but SQLAlchemy's suite, set up as it is for a new dialect."""
    folder.mkdir(parents=True)
    (folder / "conftest.py").write_text(_CONFTEST)
    (folder / "test_suite.py").write_text(_SUITE)
    (folder / "setup.cfg").write_text(_SETUP_CFG)
    schema = "compliance_schema:prepare" if database.setup else "none"
    oneloop = _ONELOOP.format(schema=schema, settings="\n".join(way.settings))
    (folder / "pytest.ini").write_text(_PYTEST_INI + oneloop)
    (folder / "compliance_schema.py").write_text(_SCHEMA.format(statements=database.setup))
    (folder / "sqlalchemy_requirements.py").write_bytes(requirements.read_bytes())
    (folder / chosen.NAMES).write_text(json.dumps(way.chosen))
    for module in (beneath, chosen):
        own = Path(str(module.__file__))
        (folder / f"compliance_{own.name}").write_bytes(own.read_bytes())


def start_suite(folder: Path, way: Way) -> subprocess.Popen[bytes]:
    """Start the suite in a project that `write_project` has written."""
    command = [sys.executable, "-m", "pytest", "--tb=line", "-q", "-W", "ignore"]
    command += ["--dburi", way.url, "--junitxml", str(folder / "results.xml")]
    command += ["-k", way.only] if way.only else []
    command += ["-p", "compliance_chosen"] if way.chosen else []
    command += ["-p", "compliance_beneath"] if way.beneath else []
    command += ["--oneloop-strategy", way.strategy] if way.strategy else ["-p", "no:oneloop"]
    environment = {k: v for k, v in os.environ.items() if k != "CI" and "ONELOOP" not in k}
    environment[beneath.SERVER] = way.beneath
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
        outcome = _outcome(case)
        cls = case.get("classname", "").rpartition(".")[2]
        test = chosen.name_of(cls, case.get("name", ""))
        before = outcomes.get(test, Outcome("passed"))
        worse = outcome if before.verdict in {"passed", "skipped"} else before
        outcomes[test] = replace(worse, refused=before.refused or outcome.refused)
    return outcomes


def _outcome(case: ET.Element) -> Outcome:
    for tag, verdict in (("failure", "failed"), ("error", "error"), ("skipped", "skipped")):
        found = case.find(tag)
        if found is not None:
            message = (found.get("message") or "").strip()
            refused = _REFUSED.search(message) or _REFUSED.search(found.text or "")
            return Outcome(verdict, message.partition("\n")[0], refused[0] if refused else "")
    return Outcome("passed")
