from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from pytest_oneloop.databases.embedded import start_server
from pytest_oneloop.databases.leftovers import sweep
from pytest_oneloop.databases.seeds import SeedCache
from pytest_oneloop.errors.server import SeedBusyError
from pytest_oneloop.errors.settings import CacheFolderError
from tools.embedded_clients import ask, is_empty, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_oneloop.databases.address import ServerAddress
    from pytest_oneloop.databases.binaries import Binaries
    from pytest_oneloop.databases.places import Places

# A process that builds a seed and says when it is in the middle of it.
_BUILDER = """
import json, sys, time
from pathlib import Path
sys.path[:0] = json.loads(sys.argv[1])["path"]
job = json.loads(sys.argv[1])
from pytest_oneloop.databases.binaries import find_binaries
from pytest_oneloop.databases.places import Places
from pytest_oneloop.databases.seeds import SeedCache
places = Places(
    memory=Path(job["memory"]) if job["memory"] else None,
    temporary=Path(job["temporary"]),
    short=(Path(job["temporary"]),),
)
def populate(address):
    print("building", flush=True)
    time.sleep(job["seconds"])
    return {"built": "here"}
seed = SeedCache(Path(job["root"]), find_binaries(), places=places).build(
    "f", populate, timeout=30
)
print(json.dumps(seed.facts), flush=True)
"""


def builder(root: Path, places: Places, seconds: float) -> subprocess.Popen[str]:
    job = {
        "path": sys.path,
        "root": str(root),
        "memory": None if places.memory is None else str(places.memory),
        "temporary": str(places.temporary),
        "seconds": seconds,
    }
    return subprocess.Popen(
        [sys.executable, "-c", _BUILDER, json.dumps(job)], stdout=subprocess.PIPE, text=True
    )


@pytest.fixture
def cache(tmp_path: Path, binaries: Binaries, places: Places, base_seed: Path) -> SeedCache:
    """A cache of this test alone, which has the base already."""
    made = SeedCache(tmp_path / "cache", binaries, places=places)
    folder = made.folder / "base.seed"
    folder.mkdir(parents=True)
    os.link(base_seed, folder / "data.tar")
    (folder / "facts.json").write_text("{}")
    return made


def fill(address: ServerAddress) -> dict[str, object]:
    ask(address, "CREATE TABLE filled AS SELECT 42 AS number")
    return {"revision": "abc", "count": 3}


def not_called(address: ServerAddress) -> dict[str, object]:
    raise AssertionError(address)


def entries(cache: SeedCache) -> set[str]:
    return {path.name for path in cache.folder.iterdir() if path.suffix != ".lock"}


def test_base_is_made_once_and_leaves_nothing_else(
    tmp_path: Path, binaries: Binaries, places: Places
) -> None:
    cache = SeedCache(tmp_path, binaries, places=places)
    first = cache.base()
    made = first.stat().st_mtime_ns
    assert cache.base() == first
    assert first.stat().st_mtime_ns == made
    assert entries(cache) == {"base.seed"}
    assert is_empty(places)


def test_built_seed_is_found_with_its_facts_and_its_rows(
    cache: SeedCache, binaries: Binaries, places: Places
) -> None:
    assert cache.find("f") is None
    built = cache.build("f", fill, timeout=30)
    assert is_empty(places)
    found = cache.find("f")
    assert found == built
    assert found.facts == {"revision": "abc", "count": 3}
    with start_server(binaries, found.path, run_id="one", places=places) as server:
        assert ask(server.address, "SELECT number FROM filled") == 42


def test_seed_is_shut_down_cleanly(cache: SeedCache, tmp_path: Path, binaries: Binaries) -> None:
    controldata = binaries.bindir / "pg_controldata"
    if not controldata.is_file():
        pytest.skip("these programs bring no pg_controldata")
    seed = cache.build("f", fill, timeout=30)
    data = tmp_path / "data"
    data.mkdir()
    subprocess.run(["tar", "-xf", seed.path, "-C", data], check=True)
    told = subprocess.run([controldata, data], capture_output=True, check=True, text=True).stdout
    state = next(line for line in told.splitlines() if line.startswith("Database cluster state"))
    assert state.split(":")[1].strip() == "shut down"


def test_seed_is_built_once(cache: SeedCache) -> None:
    built = cache.build("f", fill, timeout=30)
    assert cache.build("f", not_called, timeout=30) == built


def test_failing_population_is_told_as_it_is_and_leaves_nothing(
    cache: SeedCache, places: Places
) -> None:
    mistake = ValueError("revision 3 is wrong")

    def fail(address: ServerAddress) -> dict[str, object]:
        ask(address, "CREATE TABLE half ()")
        raise mistake

    with pytest.raises(ValueError, match="revision 3 is wrong") as caught:
        cache.build("f", fail, timeout=30)
    assert caught.value is mistake
    assert cache.find("f") is None
    assert entries(cache) == {"base.seed"}
    assert is_empty(places)


def test_facts_that_cannot_be_kept_leave_nothing(cache: SeedCache, places: Places) -> None:
    with pytest.raises(TypeError):
        cache.build("f", lambda _: {"no": object()}, timeout=30)
    assert cache.find("f") is None
    assert entries(cache) == {"base.seed"}
    assert is_empty(places)


def test_killed_build_is_built_anew(cache: SeedCache, tmp_path: Path, places: Places) -> None:
    killed = builder(tmp_path / "cache", places, seconds=60)
    assert killed.stdout is not None
    assert killed.stdout.readline() == "building\n"
    killed.kill()
    killed.communicate(timeout=10)
    wait_until(lambda: is_empty(places), "the build's server is gone")
    assert cache.find("f") is None
    assert cache.build("f", fill, timeout=30).facts == {"revision": "abc", "count": 3}


def test_files_of_a_killed_build_are_removed(cache: SeedCache) -> None:
    for name in ("0123.new", "ffff.new"):
        (cache.folder / name).mkdir()
        (cache.folder / name / "data.tar").write_bytes(b"half")
    built = cache.build("f", fill, timeout=30)
    assert entries(cache) == {"base.seed", built.path.parent.name}


def test_second_process_waits_for_the_first_and_takes_its_seed(
    cache: SeedCache, tmp_path: Path, places: Places
) -> None:
    first = builder(tmp_path / "cache", places, seconds=1)
    assert first.stdout is not None
    assert first.stdout.readline() == "building\n"
    assert cache.build("f", not_called, timeout=30).facts == {"built": "here"}
    assert first.communicate(timeout=10)[0] == '{"built": "here"}\n'
    assert is_empty(places)


def test_build_that_waits_too_long_names_the_lock(cache: SeedCache) -> None:
    held = [FileLock(cache.folder / f"{digit:x}.lock") for digit in range(16)]
    for one in held:
        one.acquire()
    with pytest.raises(SeedBusyError) as caught:
        cache.build("f", not_called, timeout=0.1)
    for one in held:
        one.release()
    assert caught.value.lock in {cache.folder / f"{digit:x}.lock" for digit in range(16)}
    assert caught.value.waited == 0.1


def test_oldest_unused_seeds_are_removed_but_never_a_recent_or_busy_one(
    tmp_path: Path, cache: SeedCache, binaries: Binaries, places: Places
) -> None:
    small = SeedCache(tmp_path / "cache", binaries, places=places, kept=2)
    old, busy, used, recent = (
        cache.folder / f"{name}.seed" for name in ("0old", "1busy", "2used", "3recent")
    )
    for age, folder in ((900, old), (800, busy), (700, used), (10, recent)):
        folder.mkdir()
        (folder / "facts.json").write_text("{}")
        os.utime(folder, (time.time() - age,) * 2)
    lock = FileLock(cache.folder / "1.lock")
    lock.acquire()
    other = threading.Thread(target=small.build, args=("f", fill), kwargs={"timeout": 30})
    other.start()
    other.join(30)
    lock.release()
    built = small.find("f")
    assert built is not None
    assert entries(small) == {
        "base.seed",
        busy.name,
        recent.name,
        built.path.parent.name,
    }


def test_folder_that_cannot_be_written_is_named(tmp_path: Path, binaries: Binaries) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    cache = SeedCache(file, binaries, source="--oneloop-cache-dir")
    with pytest.raises(CacheFolderError) as caught:
        cache.base()
    assert caught.value.folder == cache.folder
    assert str(caught.value) == (
        f"OL123: Prepared databases cannot be kept in {cache.folder} (set by --oneloop-cache-dir): "
        "Not a directory.\n"
        "  Likely cause: the disk is full, or this user may not write there.\n"
        "  What to do: let --oneloop-cache-dir name a folder that this user may write to, with 64 "
        "MB free."
    )


def test_nothing_is_left_for_the_sweep_after_all_this(cache: SeedCache, places: Places) -> None:
    cache.build("f", fill, timeout=30)
    assert sweep(places) == []
