from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.databases.embedded import start_server
from pytest_oneloop.databases.leftovers import sweep
from tools.embedded_clients import Client, ask, has_ended, is_empty, processes_under, wait_until

if TYPE_CHECKING:
    from pytest_oneloop.databases.binaries import Binaries
    from pytest_oneloop.databases.places import Places

linux = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="reads /proc")
pytestmark = linux


def test_server_ends_with_the_last_of_its_killed_clients(base_seed: Path, places: Places) -> None:
    clients = [Client(places, "killed", seed=base_seed) for _ in range(3)]
    answers = [client.said() for client in clients]
    postmaster = int(str(answers[0]["postmaster"]))
    for client in clients[:-1]:
        client.kill()
    time.sleep(0.2)  # nothing is waited for: this is a time in which nothing may happen
    assert postmaster in processes_under(places.all()[0])
    clients[-1].kill()
    wait_until(lambda: is_empty(places), "every trace is gone")


@pytest.mark.parametrize("fraction", [0.0, 0.2, 0.4, 0.55, 0.65, 0.75, 0.85, 0.95, 1.0, 1.1])
def test_client_killed_at_any_moment_of_a_start_leaves_nothing(
    fraction: float, base_seed: Path, places: Places
) -> None:
    begun = time.monotonic()
    whole = Client(places, "measured", seed=base_seed)
    whole.said()
    seconds = time.monotonic() - begun
    whole.end()
    wait_until(lambda: is_empty(places), "the measured one is gone")

    client = Client(places, "killed", seed=base_seed)
    time.sleep(seconds * fraction)
    client.kill()
    # Killed before it could start a keeper, it leaves an empty folder: the next run removes that.
    wait_until(lambda: not any(map(processes_under, places.all())), "no process is left")
    wait_until(lambda: sweep(places) == [] and is_empty(places), "every trace is gone")


@pytest.mark.parametrize("child", ["fork", "exec"])
def test_child_that_outlives_the_run_does_not_keep_the_server(
    child: str, base_seed: Path, places: Places
) -> None:
    client = Client(places, "parent", seed=base_seed, child=child)
    client.said()
    client.kill(children=False)
    wait_until(lambda: is_empty(places), "every trace is gone, while the child lives")
    client.kill()


def test_killed_keeper_takes_the_server_along_and_the_next_run_sweeps(
    binaries: Binaries, base_seed: Path, places: Places
) -> None:
    client = Client(places, "killed", seed=base_seed)
    said = client.said()
    keeper = int(str(said["keeper"]))
    os.kill(keeper, signal.SIGKILL)
    wait_until(lambda: not any(map(processes_under, places.all())), "the server is gone")
    wait_until(lambda: has_ended(keeper), "the keeper has let its locks go")
    assert Path(str(said["data"])).exists()
    client.kill()
    with start_server(binaries, base_seed, run_id="next", places=places):
        assert not Path(str(said["data"])).exists()
    assert is_empty(places)


def test_run_whose_keeper_was_killed_starts_a_new_server(
    binaries: Binaries, base_seed: Path, places: Places
) -> None:
    first = start_server(binaries, base_seed, run_id="same", places=places)
    os.kill(first.keeper, signal.SIGKILL)
    wait_until(lambda: not any(map(processes_under, places.all())), "the server is gone")
    wait_until(lambda: has_ended(first.keeper), "the keeper has let its locks go")
    with start_server(binaries, base_seed, run_id="same", places=places) as second:
        assert second.started
        assert ask(second.address, "SELECT 1") == 1
        first.close()
        assert ask(second.address, "SELECT 1") == 1
    assert is_empty(places)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_dead_postmaster_is_cleaned_up_after(
    number: signal.Signals, base_seed: Path, places: Places
) -> None:
    client = Client(places, "dead", seed=base_seed)
    os.kill(int(str(client.said()["postmaster"])), number)
    wait_until(lambda: is_empty(places), "every trace is gone, while the client lives")
    client.end()


def test_keeper_that_is_asked_to_end_cleans_up(base_seed: Path, places: Places) -> None:
    client = Client(places, "asked", seed=base_seed)
    os.kill(int(str(client.said()["keeper"])), signal.SIGTERM)
    wait_until(lambda: is_empty(places), "every trace is gone, while the client lives")
    client.end()


def test_interrupt_of_the_clients_group_does_not_reach_the_server(
    base_seed: Path, places: Places
) -> None:
    client = Client(places, "group", seed=base_seed)
    said = client.said()
    groups = {os.getpgid(int(str(said[name]))) for name in ("keeper", "postmaster")}
    assert os.getpgid(client.process.pid) not in groups
    client.end()
    wait_until(lambda: is_empty(places), "every trace is gone")


def test_sweep_leaves_living_runs_alone_and_removes_dead_ones(
    binaries: Binaries, base_seed: Path, places: Places
) -> None:
    dead = Client(places, "dead", seed=base_seed)
    home = Path(str(dead.said()["host"])).parent
    with start_server(binaries, base_seed, run_id="living", places=places) as server:
        keepers = processes_under(home)
        for pid in keepers:
            os.kill(pid, signal.SIGSTOP)  # so that it cannot clean up itself
        dead.kill()
        assert sweep(places) == []
        for pid in keepers:
            os.kill(pid, signal.SIGKILL)
        # A killed process loses its command line before its locks: only the lock tells its end.
        wait_until(lambda: sweep(places) == [home], "the dead run's folder is removed")
        assert ask(server.address, "SELECT 1") == 1
    assert is_empty(places)


def test_sweep_does_not_touch_what_is_not_this_users_run(places: Places) -> None:
    other = places.temporary / f"oneloop-{os.geteuid() + 1}-0123456789ab"
    unknown = places.temporary / "oneloop-notes"
    for folder in (other, unknown):
        folder.mkdir()
    assert sweep(places) == []
    for folder in (other, unknown):
        folder.rmdir()
