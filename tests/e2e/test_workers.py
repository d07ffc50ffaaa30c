"""Parallel workers and parallel runs: one server, a database for each, and none of them meet."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tools import projects
from tools.processes import keepers_of, processes_of, wait_until
from tools.servers import database_url, worker_databases

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_oneloop.databases.address import ServerAddress
    from tools.projects import Running

pytestmark = pytest.mark.server

MEETING = """
import asyncio
import os
from pathlib import Path

import pytest
from notes import Note
from sqlalchemy import func, select, text

MEETING = Path(os.environ["MEETING"])
ME = os.environ["ME"]


async def test_both_write_at_once(client, db_session):
    assert (await client.post("/notes", params={"text": ME})).json() == 1
    (MEETING / ME).write_text(await db_session.scalar(text("SELECT current_database()")))
    async with asyncio.timeout(30):
        while len(list(MEETING.iterdir())) < 2:
            await asyncio.sleep(0.02)
    assert (await client.post("/notes", params={"text": ME})).json() == 2
    assert set(await db_session.scalars(select(Note.text))) == {ME}
"""
CRASHING = """
import os

import pytest


@pytest.mark.parametrize("number", range(6))
async def test_write(client, number):
    answer = await client.post("/notes", params={"text": f"note {number}"})
    assert answer.json() == 1
    if number == 2:
        os._exit(3)
"""


def servers_and_databases(
    running: Running, server: ServerAddress | None = None
) -> tuple[set[str], set[str]]:
    """Watch a run to its end: the folders of its servers, and its databases on a given server.

    Servers that only build a template are left out.
    """
    servers: set[str] = set()
    databases: set[str] = set()
    until = time.monotonic() + projects.SECONDS
    while running.process.poll() is None and time.monotonic() < until:
        if server is None:
            jobs = keepers_of(running.mark).values()
            servers |= {job["home"] for job in jobs if not job["linger"]}
        else:
            databases |= worker_databases(server)
        time.sleep(0.1)
    return servers, databases


def test_two_workers_share_one_embedded_server(tmp_path: Path, cache: Path) -> None:
    project = projects.shop(tmp_path / "shop", ONELOOP_CACHE_DIR=str(cache))

    with project.started("-n", "2", "-q") as running:
        servers, _ = servers_and_databases(running)
        run = running.finish()
        assert processes_of(running.mark) == {}

    assert set(run.counts) == {"passed"}, run.output
    assert run.counts["passed"] > 50
    assert len(servers) == 1


def test_each_worker_has_a_database_on_a_server_that_lives_on(
    tmp_path: Path, tcp_server: ServerAddress
) -> None:
    project = projects.shop(
        tmp_path / "shop", ONELOOP_SERVER=database_url(tcp_server, "postgresql")
    )

    with project.started("-n", "2", "-q") as running:
        _, databases = servers_and_databases(running, tcp_server)
        run = running.finish()

    assert set(run.counts) == {"passed"}, run.output
    assert {name.rpartition("_")[2] for name in databases} == {"gw0", "gw1"}
    assert len({name.split("_")[2] for name in databases}) == 1
    assert worker_databases(tcp_server) == set()


def test_two_runs_at_once_do_not_meet(tmp_path: Path, tcp_server: ServerAddress) -> None:
    project = projects.notes(
        tmp_path / "project", ONELOOP_SERVER=database_url(tcp_server, "postgresql")
    )
    project.write({"test_notes.py": MEETING})
    meeting = tmp_path / "meeting"
    meeting.mkdir()

    with (
        project.started(MEETING=str(meeting), ME="first") as first,
        project.started(MEETING=str(meeting), ME="second") as second,
    ):
        ends = [first.finish(), second.finish()]

    assert [end.counts for end in ends] == [{"passed": 1}] * 2, ends[0].output + ends[1].output
    assert (meeting / "first").read_text() != (meeting / "second").read_text()
    assert worker_databases(tcp_server) == set()


@pytest.mark.parametrize("server", ["embedded", "given"])
def test_worker_that_crashes_is_replaced(
    server: str, tmp_path: Path, cache: Path, request: pytest.FixtureRequest
) -> None:
    project = projects.notes(tmp_path, ONELOOP_CACHE_DIR=str(cache))
    project.write({"test_notes.py": CRASHING})
    environment = {}
    if server == "given":
        address = request.getfixturevalue("tcp_server")
        environment["ONELOOP_SERVER"] = database_url(address, "postgresql")

    with project.started("-n", "1", **environment) as running:
        run = running.finish()
        wait_until(lambda: not processes_of(running.mark), "no process is left")

    assert "worker 'gw0' crashed while running 'test_notes.py::test_write[2]'" in run.output
    assert run.counts == {"failed": 1, "passed": 5}, run.output
    if server == "given":
        # The database of the worker that crashed is for the next run to drop.
        assert {name.rpartition("_")[2] for name in worker_databases(address)} <= {"gw0"}
        assert project.run("-k", "0", **environment).counts == {"passed": 1, "deselected": 5}
        assert worker_databases(address) == set()
