"""`oneloop demo` as it is called: what it writes, what it refuses, and how it is stopped."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.demo.setups import FILES, RUBBISH
from tools.processes import MARK, processes_of, wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMAND = [str(Path(sys.executable).with_name("oneloop")), "demo"]
MORTAL = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
"""Takes from root what lets it write everywhere."""
ROOTS = (Path("/dev/shm"), Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - only looked at


@dataclass(frozen=True)
class Place:
    """A folder to call the command in, with a folder for temporary files that can be looked at."""

    folder: Path
    temporary: Path
    mark: str

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != "CI"}
        return {**kept, MARK: self.mark, "TMPDIR": str(self.temporary), "COLUMNS": "80"}

    def call(self, *arguments: str, prefix: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*prefix, *COMMAND, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def left(self) -> set[Path]:
        """Everything that a demonstration of this user may have left."""
        return set(self.temporary.iterdir()) | set(self.folder.iterdir())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    for name in ("here", "temporary"):
        (tmp_path / name).mkdir()
    return Place(tmp_path / "here", tmp_path / "temporary", uuid.uuid4().hex)


def test_json_is_one_object_and_nothing_is_left(place: Place) -> None:
    result = place.call("--json", "--setup", "4")
    assert (result.returncode, result.stderr) == (0, "")
    told = json.loads(result.stdout)
    assert [(one["number"], one["plugin"], one["failed"]) for one in told["setups"]] == [
        (4, False, 1),
        (4, True, 0),
    ]
    assert place.left() == set()
    assert processes_of(place.mark) == {}


def test_in_a_terminal_it_shows_how_far_it_is(place: Place) -> None:
    ours, theirs = pty.openpty()
    environment = {**place.environment, "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(
        [*COMMAND, "--setup", "6"],
        cwd=place.folder,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 65536):
                shown += data
        except OSError:
            pass  # how Linux says that nobody has the terminal open any more
        finally:
            os.close(ours)
        assert process.wait(60) == 0
    text = shown.decode()
    assert "set-up 6, without the plugin" in text
    assert "set-up 6, with the plugin" in text
    assert "1/2" in text
    assert "\x1b[32m" in text
    assert "Without the plugin 0 of 3 tests failed, with it 0 of 3." in text


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["ctrl-c", "terminated", "terminal-closed"],
)
def test_stopped_in_the_middle_it_leaves_nothing(
    place: Place, number: signal.Signals, code: int
) -> None:
    page = place.folder / "page.html"
    with subprocess.Popen(
        [*COMMAND, "--html", str(page)],
        cwd=place.folder,
        env=place.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        wait_until(
            lambda: any("pytest" in command for command in processes_of(place.mark).values()),
            "the first set-up runs",
        )
        [scratch] = [path for path in place.temporary.iterdir() if path.name.startswith("oneloop")]
        [sockets] = [path for root in ROOTS for path in root.glob(f"{scratch.name}-s")]
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == code
    assert b"Traceback" not in stderr
    assert place.left() == set()
    assert not sockets.exists()
    wait_until(lambda: not processes_of(place.mark), "every process has ended")


def test_a_package_that_is_broken_is_told(place: Place) -> None:
    broken = place.folder / "packages"
    broken.mkdir()
    (broken / "fastapi.py").write_text("raise ImportError('it is broken')")
    result = place.call("--setup", "4", prefix=["env", f"PYTHONPATH={broken}"])
    assert result.returncode == 1
    first, *others = result.stderr.splitlines()
    assert first == (
        "oneloop: OL513: Set-up 4 could not be run without the plugin: pytest ended with code 4."
    )
    assert any("it is broken" in line for line in others)
    assert "Traceback" not in first
    assert set(place.temporary.iterdir()) == set()


def test_write_gives_the_files(place: Place) -> None:
    folder = place.folder / "trap"
    result = place.call("--write", "trap")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "Wrote 8 set-ups to trap; trap/README.md says how to run them.\n"
    for path in FILES.rglob("*"):
        if path.is_file() and not {*RUBBISH} & {*path.parts}:
            assert (folder / path.relative_to(FILES)).read_text() == path.read_text()


def test_what_was_written_runs(place: Place) -> None:
    (place.folder / "empty").mkdir()
    alone = place.call("--write", "empty", "--setup", "4")
    assert alone.stdout == "Wrote 1 set-up to empty; empty/README.md says how to run it.\n"
    assert {path.name for path in (place.folder / "empty").iterdir()} == {
        *("README.md", "app.py", "setup_4")
    }
    environment = place.environment
    environment.pop("PYTEST_ADDOPTS", None)
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"],
        cwd=place.folder / "empty" / "setup_4",
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "3 passed" in result.stdout, result.stdout


BAD = {
    "a file where a folder is wanted": (
        ("--write", "file"),
        "oneloop: OL512: Nothing was written to file: it is a file.",
    ),
    "a folder that is not empty": (
        ("--write", "full"),
        "oneloop: OL512: Nothing was written to full: the folder is not empty.",
    ),
    "no permission for a folder": (
        ("--write", "locked/trap"),
        "oneloop: OL512: Nothing was written to locked/trap: permission denied.",
    ),
    "no permission for a page": (
        ("--html", "locked/page.html"),
        "oneloop: OL512: Nothing was written to locked/page.html: permission denied.",
    ),
    "nowhere": (
        ("--write", "none/trap"),
        "oneloop: OL512: Nothing was written to none/trap: the folder above it does not exist.",
    ),
    "below a file": (
        ("--write", "file/trap"),
        "oneloop: OL512: Nothing was written to file/trap: not a directory.",
    ),
    "a folder where a file is wanted": (
        ("--html", "full"),
        "oneloop: OL512: Nothing was written to full: it is a folder.",
    ),
    "a page nowhere": (
        ("--html", "none/page"),
        "oneloop: OL512: Nothing was written to none/page: the folder above it does not exist.",
    ),
    "no such set-up": (
        ("--setup", "9"),
        "oneloop demo: argument --setup: invalid choice: 9 (choose from",
    ),
    "two things at once": (
        ("--write", "new", "--json"),
        "oneloop demo: argument --write: not allowed with --json or --html;",
    ),
    "no number": (
        ("--setup", "all"),
        "oneloop demo: argument --setup: invalid int value: 'all'",
    ),
}


@pytest.mark.parametrize(("arguments", "line"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_done_is_one_line(
    place: Place, arguments: tuple[str, ...], line: str
) -> None:
    (place.folder / "file").write_text("mine")
    (place.folder / "full").mkdir()
    (place.folder / "full" / "mine").write_text("mine")
    (place.folder / "locked").mkdir(mode=0o500)
    before = place.left()
    result = place.call(*arguments, prefix=MORTAL)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith(line)
    assert result.stderr.count("\n") == 1
    assert place.left() == before
    assert (place.folder / "file").read_text() == "mine"
    assert [path.name for path in (place.folder / "full").iterdir()] == ["mine"]
    assert list((place.folder / "locked").iterdir()) == []
