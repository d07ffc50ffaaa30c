"""The door of the command line: what it lists, and what it refuses."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from tools.command_line import oneloop, run_in

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = ("rich", "sqlalchemy", "pytest", "fastapi", "tomlkit")


def test_help_lists_the_subcommands(tmp_path: Path) -> None:
    finished = oneloop(tmp_path, "--help")

    named = [line.split()[0] for line in finished.stdout.splitlines() if line.startswith("    ")]
    assert [name for name in named if name in {"demo", "doctor", "init"}] == [
        "demo",
        "doctor",
        "init",
    ]
    assert (finished.stderr, finished.returncode) == ("", 0)


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pytest_oneloop.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )

    finished = run_in(tmp_path, sys.executable, "-c", code)

    assert finished.stdout.splitlines()[-1] == "[]"


def test_the_version(tmp_path: Path) -> None:
    finished = oneloop(tmp_path, "--version")

    assert finished.stdout == f"pytest-oneloop {version('pytest-oneloop')}\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "oneloop: the following arguments are required: COMMAND; see oneloop --help\n"),
        (["doctor", "a", "b"], "oneloop: unrecognized arguments: b; see oneloop --help\n"),
    ],
)
def test_bad_arguments_are_one_line(arguments: list[str], line: str, tmp_path: Path) -> None:
    finished = oneloop(tmp_path, *arguments)

    assert (finished.stderr, finished.stdout, finished.returncode) == (line, "", 2)
