from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.databases.embedded import start_server
from pytest_oneloop.databases.identity import Identity, find_identity
from pytest_oneloop.databases.places import Places, name_of_run
from pytest_oneloop.errors.server import NoRoomError
from tools.embedded_clients import ask, is_empty, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.databases.binaries import Binaries

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")


@contextmanager
def file_system(folder: Path, size: str, *options: str) -> Iterator[Path]:
    """Mount a file system in memory of a given size, or skip where root may not."""
    command = ["mount", "-t", "tmpfs", "-o", ",".join((f"size={size},mode=1777", *options))]
    folder.mkdir()
    done = subprocess.run([*command, "olt", folder], capture_output=True, check=False)
    if done.returncode != 0:
        folder.rmdir()
        pytest.skip(f"may not mount: {done.stderr!r}")
    try:
        yield folder
    finally:
        # A process that has just ended closes its files a moment after it is out of sight.
        umount = ["umount", str(folder)]
        wait_until(lambda: subprocess.run(umount, check=False).returncode == 0, "unmounted")
        folder.rmdir()


def test_without_memory_the_data_lies_in_the_temporary_folder(
    binaries: Binaries, base_seed: Path, disk: Path
) -> None:
    places = Places(memory=None, temporary=disk, short=())
    with start_server(binaries, base_seed, run_id="one", places=places) as server:
        assert server.data.is_relative_to(disk)
        assert not server.in_memory
        assert ask(server.address, "SELECT 1") == 1
    assert is_empty(places)


@as_root
def test_memory_as_small_as_dockers_is_not_used_for_data(
    binaries: Binaries, base_seed: Path, disk: Path
) -> None:
    with file_system(disk / "m", "64m") as memory:
        places = Places(memory=memory, temporary=disk, short=())
        with start_server(binaries, base_seed, run_id="one", places=places) as server:
            assert server.data.is_relative_to(disk)
            assert not server.data.is_relative_to(memory)
            assert not server.in_memory
            assert ask(server.address, "SELECT 1") == 1
        assert list(memory.iterdir()) == []


def test_temporary_folder_too_long_for_a_socket_still_holds_the_data(
    binaries: Binaries, base_seed: Path, disk: Path
) -> None:
    long = disk / ("x" * 120) / ("y" * 120)
    long.mkdir(parents=True)
    places = Places(memory=None, temporary=long, short=(disk,))
    with start_server(binaries, base_seed, run_id="one", places=places) as server:
        assert server.data.is_relative_to(long)
        assert not Path(server.address.host).is_relative_to(long)
        assert ask(server.address, "SELECT 1") == 1
    assert list(long.iterdir()) == []
    long.rmdir()
    long.parent.rmdir()


def test_tmpdir_of_the_environment_is_the_temporary_folder(disk: Path) -> None:
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "from pytest_oneloop.databases.places import Places; print(Places().temporary)",
        ],
        env={**os.environ, "TMPDIR": str(disk)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert told.stdout.strip() == str(disk)


def test_folder_without_room_is_named_with_what_to_set(
    binaries: Binaries, base_seed: Path, disk: Path
) -> None:
    places = Places(memory=None, temporary=disk / "missing", short=(disk,))
    with pytest.raises(NoRoomError) as caught:
        start_server(binaries, base_seed, run_id="one", places=places)
    assert str(caught.value) == (
        "OL105: No folder can hold the data of the embedded PostgreSQL:"
        f" {disk / 'missing'} is not a folder.\n"
        "  Likely cause: The folder is full, or this user may not write to it.\n"
        "  What to do: Set TMPDIR to a folder that this user may write to, with 128 MB free, or"
        " set ONELOOP_SERVER=postgresql://user:password@host/ to use a server that runs already."
    )
    assert caught.value.refusals == ((disk / "missing", "is not a folder"),)
    assert is_empty(places)


@as_root
def test_full_temporary_folder_is_told_and_nothing_is_left(
    binaries: Binaries, base_seed: Path, disk: Path
) -> None:
    with file_system(disk / "t", "20m") as temporary:
        places = Places(memory=None, temporary=temporary, short=())
        with pytest.raises(NoRoomError) as caught:
            start_server(binaries, base_seed, run_id="one", places=places)
        assert caught.value.refusals == ((temporary, "has 20 MB free, 128 MB are needed"),)
        assert list(temporary.iterdir()) == []


@as_root
def test_folder_that_becomes_full_during_the_start_is_told_and_nothing_is_left(
    binaries: Binaries, tmp_path: Path, disk: Path
) -> None:
    seed = tmp_path / "large.tar"
    (tmp_path / "large").write_bytes(bytes(200 * 2**20))
    subprocess.run(["tar", "-cf", seed, "-C", tmp_path, "large"], check=True)
    with file_system(disk / "t", "140m") as temporary:
        places = Places(memory=None, temporary=temporary, short=())
        with pytest.raises(NoRoomError) as caught:
            start_server(binaries, seed, run_id="one", places=places)
        assert caught.value.refusals == ((temporary, "became full at the start"),)
        wait_until(lambda: is_empty(places), "every trace is gone")


@as_root
def test_read_only_temporary_folder_is_told(
    binaries: Binaries, base_seed: Path, disk: Path
) -> None:
    with file_system(disk / "t", "200m", "ro") as temporary:
        places = Places(memory=None, temporary=temporary, short=(disk,))
        with pytest.raises(NoRoomError) as caught:
            start_server(binaries, base_seed, run_id="one", places=places)
    assert caught.value.refusals == ((temporary, "may not be written by this user"),)


def test_folder_of_another_user_is_not_trusted(binaries: Binaries, disk: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("gives a folder to another user")
    theirs = disk / name_of_run("one")
    theirs.mkdir()
    os.chown(theirs, 4321, 4321)
    with pytest.raises(NoRoomError) as caught:
        start_server(
            binaries,
            Path("unused"),
            run_id="one",
            places=Places(memory=None, temporary=disk, short=()),
        )
    assert caught.value.refusals == ((theirs, "belongs to another user"),)
    theirs.rmdir()


@as_root
def test_programs_are_not_copied_to_where_none_may_run(disk: Path) -> None:
    with file_system(disk / "m", "900m", "noexec") as memory:
        places = Places(memory=memory, temporary=disk, short=())
        identity = find_identity(makes_data=False)
        assert places.for_data(identity) == memory
        assert places.for_programs(identity) == disk


@as_root
def test_folder_that_the_servers_user_cannot_enter_does_not_do(disk: Path) -> None:
    private = disk / "private"
    private.mkdir(mode=0o700)
    with pytest.raises(NoRoomError) as caught:
        Places(memory=None, temporary=private, short=()).for_data(Identity(user=(65534, 65534)))
    private.rmdir()
    assert caught.value.refusals == (
        (
            private,
            "may not be entered by the server's user (PostgreSQL does not run as root)",
        ),
    )


def test_usual_places_hold_the_memory_and_the_temporary_folder() -> None:
    places = Places()
    assert places.temporary == Path(tempfile.gettempdir())
    assert len(set(places.all())) == len(places.all())
