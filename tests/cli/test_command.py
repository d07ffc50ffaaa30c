"""The door of the command line: what it lists, and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
from rich.table import Table

from pytest_oneloop.cli.output import output
from tools.command_line import ONELOOP, oneloop, run_in

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


@pytest.fixture
def sick(tmp_path: Path) -> Path:
    """A suite with a finding, whose text has characters that ASCII has not."""
    (tmp_path / "test_it.py").write_text("async def test_one(): ...\n")
    return tmp_path


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_a_reader_that_goes_away_is_no_error(sick: Path, options: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        finished = subprocess.run(
            [ONELOOP, "doctor", *options],
            cwd=sick,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        os.close(writer)

    assert finished.stderr == ""
    assert finished.returncode in {1, 141}


def test_a_terminal_without_the_characters(sick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    monkeypatch.setenv("PYTHONUTF8", "0")

    finished = oneloop(sick, "doctor")

    assert "?async def functions are not" in " ".join(finished.stdout.split())
    assert (finished.stderr, finished.returncode) == ("", 1)


def test_no_line_ends_in_spaces_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    console = output()
    table = Table("one", "two", width=20, box=None)
    table.add_row("1", "", style="red")

    console.print("Found in ", end="")
    console.print("here")
    console.print(table)

    assert capsys.readouterr().out == "Found in here\n one       two\n 1\n"
