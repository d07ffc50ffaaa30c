"""Clones that are made before they are asked for."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from pytest_oneloop.databases.clones import Clones
from pytest_oneloop.databases.workers import sweep, worker_name
from pytest_oneloop.errors.connection import DatabaseRightsError, ServerTimeoutError
from tools.difference import picture
from tools.servers import conninfo, worker_databases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_oneloop.databases.address import ServerAddress
    from tools.difference import Picture

pytestmark = pytest.mark.server

PREFIX = worker_name("c10ne", "gw0")


@pytest.fixture
def clones(tcp_server: ServerAddress, template: ServerAddress) -> Iterator[Clones]:
    """Two ahead, five wanted; none of them is left behind."""
    clones = Clones(tcp_server, template.database, PREFIX, 2, 5)
    yield clones
    clones.close()
    assert ours(tcp_server) == set()


def ours(server: ServerAddress) -> set[str]:
    return {name for name in worker_databases(server) if name.startswith(PREFIX)}


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def test_a_clone_is_a_database_like_the_template(
    clones: Clones, tcp_server: ServerAddress, template_picture: Picture
) -> None:
    names = [clones.take(), clones.take()]
    assert names == [f"{PREFIX}c1", f"{PREFIX}c2"]
    for name in names:
        assert picture(tcp_server, name).differs_from(template_picture) == []


def test_no_more_are_made_ahead_than_wanted(clones: Clones, tcp_server: ServerAddress) -> None:
    until(lambda: len(ours(tcp_server)) == 2)
    taken = [clones.take() for _ in range(4)]
    until(lambda: f"{PREFIX}c5" in ours(tcp_server))
    taken.append(clones.take())
    for name in taken:
        clones.give_back(name)
    until(lambda: ours(tcp_server) == set())


def test_one_more_than_wanted_is_made_when_it_is_asked_for(
    clones: Clones, tcp_server: ServerAddress
) -> None:
    assert [clones.take() for _ in range(6)][-1] == f"{PREFIX}c6"
    assert len(ours(tcp_server)) == 6


def test_none_is_made_when_none_is_wanted(
    tcp_server: ServerAddress, template: ServerAddress
) -> None:
    clones = Clones(tcp_server, template.database, PREFIX, 2, 0)
    name = clones.take()
    clones.give_back(name)
    until(lambda: ours(tcp_server) == set())
    clones.close()
    clones.close()
    with pytest.raises(RuntimeError, match="closed"):
        clones.take()


def test_a_clone_that_still_has_sessions_is_dropped(
    clones: Clones, tcp_server: ServerAddress
) -> None:
    name = clones.take()
    with psycopg.connect(conninfo(replace(tcp_server, database=name))) as left:
        left.execute("LOCK TABLE role")
        clones.give_back(name)
        until(lambda: name not in ours(tcp_server))
        with pytest.raises(psycopg.OperationalError):
            left.execute("SELECT 1")


def test_what_is_not_given_back_is_dropped_at_the_end(
    clones: Clones, tcp_server: ServerAddress
) -> None:
    clones.take()
    until(lambda: len(ours(tcp_server)) == 3)


def test_many_at_once(clones: Clones) -> None:
    names: list[str] = []
    threads = [threading.Thread(target=lambda: names.append(clones.take())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(set(names)) == 8


def test_a_role_that_may_not_clone(tcp_server: ServerAddress, template: ServerAddress) -> None:
    with psycopg.connect(conninfo(tcp_server), autocommit=True) as strong:
        strong.execute("CREATE ROLE cloner LOGIN PASSWORD 'weak'")
        weak = replace(tcp_server, user="cloner", password="weak")
        clones = Clones(weak, template.database, PREFIX, 2, 2)
        try:
            for _ in range(2):
                with pytest.raises(DatabaseRightsError, match="permission denied to create"):
                    clones.take()
            strong.execute("ALTER ROLE cloner SUPERUSER")
            # Whoever asks anew has it tried anew.
            assert clones.take().startswith(PREFIX)
        finally:
            clones.close()
            strong.execute("DROP ROLE cloner")
    assert ours(tcp_server) == set()


def test_waiting_has_a_deadline(tcp_server: ServerAddress, template: ServerAddress) -> None:
    # CREATE DATABASE waits for whoever is connected to the template.
    with psycopg.connect(conninfo(template)):
        clones = Clones(tcp_server, template.database, PREFIX, 1, 1)
        with pytest.raises(ServerTimeoutError) as caught:
            clones.take(seconds=0.1)
        assert caught.value.task == f"clone {template.database}"
    assert clones.take().startswith(PREFIX)
    clones.close()
    assert ours(tcp_server) == set()


def test_a_name_that_no_sweep_would_find(
    tcp_server: ServerAddress, template: ServerAddress
) -> None:
    with pytest.raises(ValueError, match="not a worker's database"):
        Clones(tcp_server, template.database, "mine", 1, 1)


MAKER = """
import sys, time
from pytest_oneloop.databases.address import ServerAddress
from pytest_oneloop.databases.clones import Clones
from pytest_oneloop.databases.workers import live_run, worker_name
server = ServerAddress({host!r}, {port!r}, {user!r}, {password!r})
with live_run(server, "ki11ed"):
    clones = Clones(server, {template!r}, worker_name("ki11ed", "main"), 3, 9)
    print(clones.take(), flush=True)
    time.sleep(60)
"""


def test_clones_of_a_run_that_was_killed_are_swept(
    tcp_server: ServerAddress, template: ServerAddress
) -> None:
    script = MAKER.format(
        host=tcp_server.host,
        port=tcp_server.port,
        user=tcp_server.user,
        password=tcp_server.password,
        template=template.database,
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    taken = process.stdout.readline().strip()
    swept: set[str] = set()

    def gone() -> bool:
        swept.update(sweep(tcp_server))
        prefix = worker_name("ki11ed", "main")
        return not any(name.startswith(prefix) for name in worker_databases(tcp_server))

    assert taken not in sweep(tcp_server)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=20)
    until(gone)
    assert taken in swept
