"""The programs, a cache with its base seed, and folders that only one test uses."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.databases.binaries import Binaries, find_binaries
from pytest_oneloop.databases.places import Places
from pytest_oneloop.databases.seeds import SeedCache
from tools.embedded_clients import processes_under

if TYPE_CHECKING:
    from collections.abc import Iterator

_MEMORY = Path("/dev/shm")  # noqa: S108 - the folders made in it are private
_SHORT = Path("/tmp")  # noqa: S108 - pytest's own paths are too long for a socket


@pytest.fixture(scope="session")
def binaries() -> Binaries:
    return find_binaries()


@pytest.fixture(scope="session")
def base_seed(binaries: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return SeedCache(tmp_path_factory.mktemp("cache"), binaries).base()


@pytest.fixture
def disk() -> Iterator[Path]:
    """A short folder on the disk that every user may enter; empty at the end, or the test fails."""
    yield from _own_folder(_SHORT)


@pytest.fixture
def places(disk: Path) -> Iterator[Places]:
    """Places of this test alone: whatever is left in them is this test's."""
    if not _MEMORY.is_dir():
        yield Places(memory=None, temporary=disk, short=(disk,))
        return
    for memory in _own_folder(_MEMORY):
        yield Places(memory=memory, temporary=disk, short=(disk,))


def _own_folder(parent: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="olt-", dir=parent))
    folder.chmod(0o777)
    yield folder
    left = sorted(path.name for path in folder.iterdir())
    running = processes_under(folder)
    shutil.rmtree(folder)
    assert (left, running) == ([], {})
