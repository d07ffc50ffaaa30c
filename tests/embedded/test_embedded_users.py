from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.databases.binaries import find_binaries
from pytest_oneloop.databases.embedded import start_server
from pytest_oneloop.databases.identity import Identity, find_identity
from pytest_oneloop.databases.seeds import SeedCache
from tools.embedded_clients import Client, ask, is_empty, wait_until

if TYPE_CHECKING:
    from pytest_oneloop.databases.binaries import Binaries
    from pytest_oneloop.databases.places import Places

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
NOBODY = 65534
NAMELESS = 54321


@pytest.fixture
def public_python() -> str:
    """An interpreter that every user may run, with the same version as this one."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for found in (sys.executable, shutil.which(version, path="/usr/bin:/usr/local/bin")):
        if found and Identity(user=(NAMELESS, NAMELESS)).can_enter(Path(found).resolve().parent):
            return found
    pytest.skip("no interpreter that every user may run")


def owner_of(process: object) -> int:
    return Path("/proc", str(process)).stat().st_uid


@as_root
def test_roots_server_runs_as_nobody_and_root_removes_its_files(
    binaries: Binaries, base_seed: Path, places: Places
) -> None:
    with start_server(binaries, base_seed, run_id="one", places=places) as server:
        assert owner_of(server.postmaster) == NOBODY
        assert server.data.stat().st_uid == NOBODY
        assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
        assert server.data.parent.stat().st_uid == 0
    assert is_empty(places)


@as_root
def test_roots_programs_in_a_private_folder_are_copied_for_the_server(
    base_seed: Path, binaries: Binaries, places: Places, disk: Path
) -> None:
    private = disk / "venv"
    shutil.copytree(
        binaries.bindir.parent, private / "wheel" / "pg", ignore=shutil.ignore_patterns("*.a")
    )
    bundled = binaries.bindir.parents[2] / f"{binaries.bindir.parents[1].name}.libs"
    if bundled.is_dir():
        shutil.copytree(bundled, private / "wheel.libs")
    private.chmod(0o700)
    copied = find_binaries(private / "wheel" / "pg" / "bin")
    with start_server(copied, base_seed, run_id="one", places=places) as server:
        program = Path(f"/proc/{server.postmaster}/exe").readlink()
        assert not program.is_relative_to(private)
        assert ask(server.address, "SELECT 1") == 1
        assert ask(server.address, "CREATE EXTENSION pg_trgm") is None
    shutil.rmtree(private)
    assert is_empty(places)


@as_root
@pytest.mark.parametrize("uid", [NOBODY, NAMELESS])
def test_ordinary_user_runs_the_server_as_themselves(  # noqa: PLR0917 - fixtures
    uid: int, public_python: str, base_seed: Path, places: Places, disk: Path, binaries: Binaries
) -> None:
    seed = disk / "seed.tar"
    shutil.copyfile(base_seed, seed)
    seed.chmod(0o644)
    client = Client(
        places, "ordinary", seed=seed, bindir=binaries.bindir, python=public_python, uid=uid
    )
    said = client.said()
    assert owner_of(said["postmaster"]) == uid
    assert said["answer"] == "äéж"
    client.end()
    seed.unlink()
    wait_until(lambda: is_empty(places), "every trace is gone")


@as_root
@pytest.mark.parametrize("uid", [NOBODY, NAMELESS])
def test_ordinary_user_makes_a_data_folder_with_a_name_or_without(
    uid: int, public_python: str, places: Places, disk: Path, binaries: Binaries
) -> None:
    if uid == NAMELESS and not _may_make_namespaces(uid):
        pytest.skip("this system forbids user namespaces")
    cache = disk / "cache"
    cache.mkdir()
    os.chown(cache, uid, uid)
    client = Client(
        places, "ordinary", cache=cache, bindir=binaries.bindir, python=public_python, uid=uid
    )
    said = client.said()
    assert owner_of(said["postmaster"]) == uid
    client.end()
    shutil.rmtree(cache)
    wait_until(lambda: is_empty(places), "every trace is gone")


@as_root
def test_root_that_may_not_change_its_user_appears_as_nobody(
    base_seed: Path, places: Places, binaries: Binaries, disk: Path
) -> None:
    capsh = shutil.which("capsh") or shutil.which("setpriv")
    if capsh is None or not _may_make_namespaces(0):
        pytest.skip("cannot take a right away from root here")
    drop = (
        [capsh, "--drop=cap_setuid,cap_setgid", "--", "-c"]
        if capsh.endswith("capsh")
        else [capsh, "--bounding-set=-setuid,-setgid", "sh", "-c"]
    )
    wrapper = disk / "python"
    wrapper.write_text(
        f'#!/bin/sh\nexec {" ".join(drop)} \'exec "$0" "$@"\' {sys.executable} "$@"\n'
    )
    wrapper.chmod(0o755)
    client = Client(places, "weak", seed=base_seed, bindir=binaries.bindir, python=str(wrapper))
    said = client.said()
    assert owner_of(said["postmaster"]) == 0  # to the machine; inside its namespace it is not
    assert said["answer"] == "äéж"
    client.end()
    wrapper.unlink()
    wait_until(lambda: is_empty(places), "every trace is gone")


def test_cache_of_one_user_is_not_anothers(binaries: Binaries, tmp_path: Path) -> None:
    assert f"-{os.geteuid()}-" in SeedCache(tmp_path, binaries).folder.name


def test_identity_of_this_process_is_never_root() -> None:
    identity = find_identity(makes_data=True)
    if os.geteuid() == 0:
        assert identity.user is not None or identity.namespace is not None
        assert identity.user is None or identity.user[0] != 0
    else:
        assert identity.user is None


def _may_make_namespaces(uid: int) -> bool:
    done = subprocess.run(
        ["unshare", "--user", "true"], user=uid, group=uid, check=False, capture_output=True
    )
    return done.returncode == 0
