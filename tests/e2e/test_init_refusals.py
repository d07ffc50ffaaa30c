"""What `oneloop init` says of bad input: one line, exit code 2, and nothing written."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.command_line import oneloop, run_in
from tools.projects import Project
from tools.unset_projects import ADMIN, FLAT

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534
# The first run, as root, imports all that the second one needs: root's interpreter may lie in a
# folder that nobody else may enter.
AS_NOBODY = f"""
import os, sys
from pytest_oneloop.cli.main import main
main(["init"])
sys.stdout.flush()
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})
sys.exit(main(["init", "--yes"]))
"""

INLINE = 'tool = {pytest = {ini_options = {addopts = "-q"}}}\n'


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user may enter; those above `tmp_path` are closed."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def test_several_applications(tmp_path: Path) -> None:
    Project(tmp_path).write(FLAT | ADMIN)
    done = oneloop(tmp_path, "init", "--yes")
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        (
            "oneloop: OL506: 2 applications were found: admin.main:app (admin/main.py:4), "
            "notes.main:app (notes/main.py:6). Name one: --app admin.main:app\n"
        ),
    )
    assert (tmp_path / "pyproject.toml").read_text() == FLAT["pyproject.toml"]
    assert oneloop(tmp_path, "init", "--yes", "--app", "notes.main:app").returncode == 0
    assert 'entrypoint = "notes.main:app"' in (tmp_path / "pyproject.toml").read_text()


@pytest.mark.parametrize(
    ("files", "options", "line"),
    [
        (
            {"readme.md": ""},
            [],
            (
                "OL501: {folder} holds no Python project: there is no pyproject.toml, no "
                "configuration of pytest, and no Python file. Run it in the project's folder, or "
                "name that folder."
            ),
        ),
        (
            {"main.py": ""},
            ["main.py"],
            (
                "OL502: main.py is a file, and a project's folder is wanted. Name the folder "
                "that holds the project's pyproject.toml."
            ),
        ),
        (
            {},
            ["nowhere"],
            (
                "OL502: nowhere is not there, and a project's folder is wanted. Name the folder "
                "that holds the project's pyproject.toml."
            ),
        ),
        (
            {"pyproject.toml": "[tool.x\n"},
            ["--yes"],
            (
                "OL503: {folder}/pyproject.toml cannot be read: Expected ']' at the end of a table "
                "declaration (at line 1, column 8). Correct it, and run the command again."
            ),
        ),
        (
            {"pytest.ini": "[pytest]\nasyncio_mode\n"},
            ["--yes"],
            (
                "OL503: {folder}/pytest.ini cannot be read: line 2: unexpected line: "
                "'asyncio_mode'. Correct it, and run the command again."
            ),
        ),
        (
            {"pyproject.toml": INLINE, "main.py": "from fastapi import FastAPI\napp = FastAPI()\n"},
            ["--yes"],
            (
                "OL505: {folder}/pyproject.toml is written in a way in which no line can be added "
                "safely. Write yourself: inside the braces of tool: fastapi = {{entrypoint = "
                '"main:app"}}; inside the braces of tool.pytest.ini_options: asyncio_mode = '
                '"auto", pythonpath = ["."]'
            ),
        ),
        (
            {"main.py": "from fastapi import FastAPI\napp = FastAPI()\n"},
            ["--yes", "--app", "main:ap"],
            (
                "OL507: --app cannot be 'main:ap': main.py has no ap. Write the module's dotted "
                "name, a colon and the name in it: --app shop.main:app"
            ),
        ),
    ],
    ids=["empty", "file", "nowhere", "toml", "ini", "inline", "name"],
)
def test_bad_input(tmp_path: Path, files: dict[str, str], options: list[str], line: str) -> None:
    Project(tmp_path).write(files)
    done = oneloop(tmp_path, "init", *options)
    shown = f"oneloop: {line.format(folder=tmp_path) if '{folder}' in line else line}\n"
    assert (done.stderr, done.stdout, done.returncode) == (shown, "", 2)
    held = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert held == files


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("folder_mode", [0o755, 0o777], ids=["folder", "file"])
def test_no_permission_to_write(public_folder: Path, folder_mode: int) -> None:
    Project(public_folder).write(FLAT)
    public_folder.chmod(folder_mode)
    (public_folder / "pyproject.toml").chmod(0o444)
    done = run_in(public_folder, sys.executable, "-c", AS_NOBODY)
    assert (done.stderr, done.returncode) == (
        (
            f"oneloop: OL504: {public_folder}/pyproject.toml cannot be written: permission denied. "
            "Allow it, or write the lines yourself; nothing has been changed.\n"
        ),
        2,
    )
    assert (public_folder / "pyproject.toml").read_text() == FLAT["pyproject.toml"]
    assert not [path for path in public_folder.iterdir() if path.name.startswith(".")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_what_may_not_be_read_is_named(public_folder: Path) -> None:
    closed = {"pgdata/x.py": "", "secret.py": "", "requirements.txt": "", "old.py": "print 1\n"}
    Project(public_folder).write(FLAT | closed)
    public_folder.chmod(0o755)
    for name in ("pgdata", "secret.py", "requirements.txt"):
        (public_folder / name).chmod(0)
    done = run_in(public_folder, sys.executable, "-c", AS_NOBODY.replace(', "--yes"', ""))
    assert (done.stderr, done.returncode) == ("", 0)
    for line in (
        "  - pgdata cannot be read: permission denied, and was not looked at.\n",
        "  - secret.py cannot be read: permission denied, and was not looked at.\n",
        "  - old.py:1 is not valid Python, and was not looked at.\n",
    ):
        assert line in done.stdout.rpartition("Found in ")[2]


@pytest.mark.skipif(os.geteuid() != 0, reason="anybody else may not write it anyway")
def test_root_leaves_a_read_only_file_alone(tmp_path: Path) -> None:
    Project(tmp_path).write(FLAT)
    (tmp_path / "pyproject.toml").chmod(0o444)
    done = oneloop(tmp_path, "init", "--yes")
    assert (done.stderr, done.returncode) == (
        (
            f"oneloop: OL504: {tmp_path}/pyproject.toml cannot be written: it is read-only. "
            "Allow it, or write the lines yourself; nothing has been changed.\n"
        ),
        2,
    )
    assert (tmp_path / "pyproject.toml").read_text() == FLAT["pyproject.toml"]
