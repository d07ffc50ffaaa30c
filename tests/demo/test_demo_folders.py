"""The folders of a demonstration: gone with it, or with the next one if it was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_oneloop.demo.folders import demonstration_folders

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

HOLDING = """
import sys
from pytest_oneloop.demo.folders import demonstration_folders
with demonstration_folders() as folders:
    (folders[0] / "file").write_text("of its server")
    print(*folders, sep="\\n", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holding(temporary: Path) -> Iterator[tuple[subprocess.Popen[str], list[Path]]]:
    """Run a process that holds the folders of a demonstration until it is told to end."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING],
        env={**os.environ, "TMPDIR": str(temporary)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process, [Path(process.stdout.readline().strip()) for _ in range(2)]


def test_the_next_one_removes_what_a_killed_one_has_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with holding(tmp_path) as (alive, held), holding(tmp_path) as (killed, left):
        killed.send_signal(signal.SIGKILL)
        killed.wait(20)
        before = [folder.exists() for folder in (*held, *left)]

        with demonstration_folders() as own:
            during = [folder.exists() for folder in (*held, *left)]
            names = [folder.name for folder in own]

        alive.communicate(timeout=20)
    assert before == [True, True, True, True]
    assert during == [True, True, False, False]
    assert names[1] == f"{names[0]}-s"
    assert not any(folder.exists() for folder in (*held, *own))
    assert list(tmp_path.iterdir()) == []
