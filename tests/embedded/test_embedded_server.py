from __future__ import annotations

import os
import stat
import subprocess
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from pytest_oneloop.databases.embedded import make_data, start_server
from pytest_oneloop.databases.places import name_of_run
from pytest_oneloop.errors.server import ServerStartError
from tools.embedded_clients import Client, ask, is_empty, processes_under, wait_until

if TYPE_CHECKING:
    from pytest_oneloop.databases.binaries import Binaries
    from pytest_oneloop.databases.places import Places


def test_server_answers_and_every_trace_is_gone_after_it(
    binaries: Binaries, base_seed: Path, places: Places
) -> None:
    with start_server(binaries, base_seed, run_id="one", places=places) as server:
        assert server.started
        assert ask(server.address, "SHOW server_version") == server.version == binaries.version
        assert ask(server.address, "SHOW data_directory") == str(server.data)
        assert server.data.is_relative_to(places.memory or places.temporary)
        assert server.in_memory == (places.memory is not None)
        assert {server.postmaster, server.keeper} <= processes_under(places.all()[0]).keys()
    assert is_empty(places)


def test_closing_twice_is_no_mistake(binaries: Binaries, base_seed: Path, places: Places) -> None:
    server = start_server(binaries, base_seed, run_id="one", places=places)
    server.close()
    server.close()
    assert is_empty(places)


def test_server_is_set_for_speed_and_hears_nothing_but_its_socket(
    binaries: Binaries, base_seed: Path, places: Places
) -> None:
    with start_server(binaries, base_seed, run_id="one", places=places) as server:
        settings = {
            name: ask(server.address, f"SHOW {name}")
            for name in ("fsync", "listen_addresses", "timezone", "server_encoding")
        }
        folder = Path(server.address.host).stat()
        assert settings == {
            "fsync": "off",
            "listen_addresses": "",
            "timezone": "UTC",
            "server_encoding": "UTF8",
        }
        assert stat.S_IMODE(folder.st_mode) == 0o700


def test_letters_of_every_alphabet_have_a_case(
    binaries: Binaries, base_seed: Path, places: Places
) -> None:
    with start_server(binaries, base_seed, run_id="one", places=places) as server:
        assert ask(server.address, "SELECT lower('ÄÉЖ')") == "äéж"


def test_processes_of_one_run_share_a_server(
    binaries: Binaries, base_seed: Path, places: Places
) -> None:
    first = start_server(binaries, base_seed, run_id="one", places=places)
    with start_server(binaries, base_seed, run_id="one", places=places) as second:
        assert (first.started, second.started) == (True, False)
        assert first.address == second.address
        first.close()
        assert ask(second.address, "SELECT 1") == 1
    assert is_empty(places)


def test_different_runs_do_not_meet(binaries: Binaries, base_seed: Path, places: Places) -> None:
    with (
        start_server(binaries, base_seed, run_id="one", places=places) as one,
        start_server(binaries, base_seed, run_id="two", places=places) as two,
    ):
        ask(one.address, "CREATE TABLE only_in_one ()")
        assert one.postmaster != two.postmaster
        assert ask(two.address, "SELECT to_regclass('only_in_one') IS NULL")


def test_of_racing_processes_exactly_one_starts_the_server(base_seed: Path, places: Places) -> None:
    clients = [Client(places, "race", seed=base_seed) for _ in range(5)]
    answers = [client.said() for client in clients]
    assert sorted(bool(answer["started"]) for answer in answers) == [False] * 4 + [True]
    assert len({answer["postmaster"] for answer in answers}) == 1
    for client in clients:
        client.end()
    wait_until(lambda: is_empty(places), "every trace is gone")


def test_run_may_come_back_after_its_server_has_gone(
    binaries: Binaries, base_seed: Path, places: Places
) -> None:
    postmasters = []
    for _ in range(3):
        with start_server(binaries, base_seed, run_id="again", places=places) as server:
            assert server.started
            postmasters.append(server.postmaster)
    assert len(set(postmasters)) == 3


def test_changed_environment_of_postgresql_changes_nothing(
    binaries: Binaries, base_seed: Path, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("LC_ALL", "no_SUCH.locale")
    with start_server(binaries, base_seed, run_id="one", places=places) as server:
        assert ask(server.address, "SELECT 1") == 1


def test_lingering_server_stops_cleanly_and_leaves_its_data_until_close(
    binaries: Binaries, base_seed: Path, places: Places
) -> None:
    with start_server(
        binaries, base_seed, run_id=uuid.uuid4().hex, places=places, linger=True
    ) as server:
        ask(server.address, "CREATE TABLE kept ()")
        server.stop()
        assert (server.data / "PG_VERSION").read_text() == f"{binaries.major}\n"
        assert not (server.data / "postmaster.pid").exists()
        with pytest.raises((OSError, asyncpg.PostgresError)):
            ask(server.address, "SELECT 1")
    assert is_empty(places)


def test_new_data_folder_belongs_to_the_servers_user(binaries: Binaries, places: Places) -> None:
    made = make_data(binaries, deadline=60, places=places)
    data = Path(str(made.state["data"]))
    owner = data.stat().st_uid
    made.close(10)
    assert owner == (65534 if os.geteuid() == 0 else os.geteuid())
    assert is_empty(places)


def test_damaged_seed_is_told_with_the_log_and_leaves_nothing(
    binaries: Binaries, tmp_path: Path, places: Places
) -> None:
    seed = tmp_path / "damaged.tar"
    seed.write_bytes(b"no archive")
    with pytest.raises(ServerStartError) as caught:
        start_server(binaries, seed, run_id="one", places=places)
    assert caught.value.reason == "tar ended with 2"
    assert "tar" in caught.value.log[0]
    wait_until(lambda: is_empty(places), "every trace is gone")


def test_seed_of_another_version_is_told_in_the_servers_own_words(
    binaries: Binaries, base_seed: Path, places: Places, tmp_path: Path
) -> None:
    subprocess.run(["tar", "-xf", base_seed, "-C", tmp_path], check=True)
    (tmp_path / "PG_VERSION").write_text("9\n")
    seed = tmp_path.with_suffix(".tar")
    subprocess.run(["tar", "-cf", seed, "-C", tmp_path, "."], check=True)
    with pytest.raises(ServerStartError) as caught:
        start_server(binaries, seed, run_id="one", places=places)
    seed.unlink()
    assert caught.value.reason == "postgres ended with 1"
    assert any("incompatible with server" in line for line in caught.value.log)
    wait_until(lambda: is_empty(places), "every trace is gone")


def test_name_of_a_run_is_short_and_its_own() -> None:
    names = {name_of_run("one"), name_of_run("two"), name_of_run("x" * 1000)}
    assert len(names) == 3
    assert max(map(len, names)) <= len("oneloop-4294967295-") + 12
