"""After a run, however it ended, nothing of it is left: no process, no folder, no database."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tools import projects
from tools.processes import folders_of, keepers_of, processes_of, wait_until, working_in
from tools.servers import database_url, worker_databases

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_oneloop.databases.address import ServerAddress
    from tools.projects import Project, Running

pytestmark = pytest.mark.server

LONG = """
import asyncio
import os
from pathlib import Path

import pytest
from sqlalchemy import text


@pytest.mark.parametrize("number", range(2))
async def test_long(db_session, number):
    await db_session.execute(text("SELECT 1"))
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    Path(f"pid-{worker}").write_text(str(os.getpid()))
    Path(f"in-{worker}").touch()
    while not Path("go-on").exists():
        await asyncio.sleep(0.02)
"""
STUCK = """
import asyncio
from pathlib import Path

from sqlalchemy import text


async def test_stuck(db_session):
    await db_session.execute(text("SELECT 1"))
    asyncio.get_running_loop().call_later(0.2, Path("in-main").touch)
    await db_session.execute(text("SELECT pg_sleep(600)"))
"""
SLOW_REVISION = """
import time
from pathlib import Path


def upgrade():
    Path("migrating").touch()
    time.sleep(600)

"""


@pytest.fixture
def project(tmp_path: Path, cache: Path) -> Project:
    """A project whose tests wait, in the middle of their work, for what happens to them."""
    project = projects.notes(tmp_path, ONELOOP_CACHE_DIR=str(cache))
    project.write({"test_notes.py": LONG})
    return project


@pytest.fixture
def migrating(tmp_path: Path) -> Project:
    """A project that is never done with its first migration."""
    project = projects.lean_migrated(tmp_path, ONELOOP_CACHE_DIR=str(tmp_path / "cache"))
    project.change("migrations/versions/0001_notes.py", "def upgrade():\n", SLOW_REVISION)
    return project


def seen(running: Running) -> set[Path]:
    """Return the folders of the run's server, which has to be there."""
    folders = folders_of(running.mark)
    assert all(folder.exists() for folder in folders)
    assert working_in(folders)
    return folders


def wait_until_gone(running: Running, folders: set[Path]) -> None:
    assert folders
    wait_until(lambda: not processes_of(running.mark), "no process is left")
    wait_until(lambda: not working_in(folders), "no process works there")
    wait_until(lambda: not any(folder.exists() for folder in folders), "no folder is left")


@pytest.mark.parametrize("outcome", ["passed", "failed", "exit"])
def test_after_an_end_of_its_own(outcome: str, project: Project) -> None:
    if outcome == "failed":
        project.change("test_notes.py", "        await asyncio.sleep", "        assert False\n#")
    elif outcome == "exit":
        project.change("test_notes.py", "        await asyncio.sleep", "        pytest.exit()\n#")
    with project.started("--oneloop-strategy=rollback") as running:
        running.wait_for("in-main")
        folders = seen(running) if outcome == "passed" else set()
        (project.folder / "go-on").touch()
        run = running.finish()
        # The run itself waits for it: nothing is left the moment it has ended.
        assert processes_of(running.mark) == {}
        assert working_in(folders) == {}
        assert [folder for folder in folders if folder.exists()] == []
    assert run.code == {"passed": 0, "failed": 1, "exit": 2}[outcome], run.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_after_a_signal_in_a_test(number: signal.Signals, project: Project) -> None:
    with project.started() as running:
        running.wait_for("in-main")
        folders = seen(running)
        running.process.send_signal(number)
        run = running.finish()
        wait_until_gone(running, folders)
    assert run.code == (2 if number is signal.SIGINT else -number), run.output
    assert "pytest_oneloop/" not in run.output


def test_after_ctrl_c_in_a_statement(project: Project) -> None:
    project.write({"test_notes.py": STUCK})
    with project.started() as running:
        running.wait_for("in-main")
        folders = seen(running)
        running.process.send_signal(signal.SIGINT)
        run = running.finish()
        wait_until_gone(running, folders)
    assert run.code == 2, run.output
    assert "Traceback" not in run.output
    assert "pytest_oneloop/" not in run.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_after_a_signal_in_a_migration(number: signal.Signals, migrating: Project) -> None:
    with migrating.started() as running:
        running.wait_for("migrating")
        folders = seen(running)
        running.process.send_signal(number)
        run = running.finish()
        wait_until_gone(running, folders)
    assert run.code == (2 if number is signal.SIGINT else -number), run.output
    # What was begun does not count, and is in nobody's way.
    migrating.change("migrations/versions/0001_notes.py", "time.sleep(600)", "pass")
    again = migrating.run()
    assert "(template not built yet)" in again.header
    assert again.counts == {"passed": 2}, again.output


@pytest.mark.parametrize("victim", ["controller", "worker"])
def test_after_a_kill_under_xdist(victim: str, project: Project) -> None:
    with project.started("-n", "2") as running:
        running.wait_for("in-gw0")
        running.wait_for("in-gw1")
        folders = seen(running)
        assert len(keepers_of(running.mark)) == 1
        if victim == "controller":
            running.process.kill()
        else:
            os.kill(int((project.folder / "pid-gw0").read_text()), signal.SIGKILL)
            (project.folder / "go-on").touch()
        run = running.finish()
        wait_until_gone(running, folders)
    if victim == "worker":
        assert "worker 'gw0' crashed while running" in run.output
        assert run.counts == {"failed": 1, "passed": 1}, run.output


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_databases_on_a_server_that_lives_on(
    options: tuple[str, ...], project: Project, tcp_server: ServerAddress
) -> None:
    url = database_url(tcp_server, "postgresql")
    workers = ("gw0", "gw1") if options else ("main",)
    assert worker_databases(tcp_server) == set()
    with project.started(*options, ONELOOP_SERVER=url) as running:
        for worker in workers:
            running.wait_for(f"in-{worker}")
        killed = worker_databases(tcp_server)
        assert {name.rpartition("_")[2] for name in killed} == set(workers)
        os.killpg(running.process.pid, signal.SIGKILL)  # its workers, too
        running.finish()
        wait_until(lambda: not processes_of(running.mark), "no process is left")
    # Nobody could drop them. The next run does, at its start, and drops its own at its end.
    for sign in project.folder.glob("in-*"):
        sign.unlink()
    with project.started(ONELOOP_SERVER=url) as running:
        running.wait_for("in-main")
        now = worker_databases(tcp_server)
        assert killed.isdisjoint(now)
        assert len(now) == 1
        (project.folder / "go-on").touch()
        assert running.finish().counts == {"passed": 2}
    assert worker_databases(tcp_server) == set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_database_on_a_server_that_lives_on_after_a_signal(
    number: signal.Signals, project: Project, tcp_server: ServerAddress
) -> None:
    with project.started(ONELOOP_SERVER=database_url(tcp_server, "postgresql")) as running:
        running.wait_for("in-main")
        assert len(worker_databases(tcp_server)) == 1
        running.process.send_signal(number)
        running.finish()
    if number is signal.SIGINT:
        assert worker_databases(tcp_server) == set()
