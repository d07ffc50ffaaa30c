"""Clones that were used are put back, or dropped: nobody gets one that another test has changed."""

from __future__ import annotations

import itertools
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from pytest_oneloop.databases.clones import Clones
from pytest_oneloop.databases.workers import worker_name
from tools.difference import picture
from tools.servers import conninfo, worker_databases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.databases.address import ServerAddress
    from tools.difference import Picture

pytestmark = pytest.mark.server

_numbers = itertools.count()
WRITES = (
    "INSERT INTO customer (name) VALUES ('a')",
    "DELETE FROM note",
    "UPDATE country SET name = 'x' || code",
    "SELECT nextval('invoice'), nextval('pages'), lo_create(0)",
)


def prefix() -> str:
    return worker_name("reused", f"gw{next(_numbers)}")


class Lab:
    """Clones of the template, and who uses one."""

    def __init__(
        self, server: ServerAddress, template: ServerAddress, template_picture: Picture
    ) -> None:
        self.server = server
        self.template = template_picture
        self.prefix = prefix()
        self.clones = Clones(server, template.database, self.prefix, 2, 1000)

    def connect(self, name: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(conninfo(replace(self.server, database=name)), autocommit=True)

    def differences(self, name: str) -> list[str]:
        return picture(self.server, name).differs_from(self.template)

    def comes_back(self, name: str) -> bool:
        """Wait until it is known what becomes of a clone."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if name in self.clones.lost():
                return False
            other = self.clones.take()
            if other == name:
                return True
            # Whatever is ready already comes first; it goes the same way.
            self.clones.give_back(other, spare=())
            time.sleep(0.01)
        raise AssertionError("waited in vain")


@contextmanager
def lab_of(
    server: ServerAddress, template: ServerAddress, template_picture: Picture
) -> Iterator[Lab]:
    lab = Lab(server, template, template_picture)
    try:
        yield lab
    finally:
        lab.clones.close()
        assert [name for name in worker_databases(server) if name.startswith(lab.prefix)] == []


@pytest.fixture(scope="module")
def lab(
    tcp_server: ServerAddress, template: ServerAddress, template_picture: Picture
) -> Iterator[Lab]:
    """One lab for the module: none of its tests may tell what others have done."""
    with lab_of(tcp_server, template, template_picture) as lab:
        yield lab


def test_a_clone_that_was_written_to_comes_back_as_the_template(lab: Lab) -> None:
    name = lab.clones.take()
    for _ in range(2):  # the second time it has a connection
        with lab.connect(name) as connection:
            for statement in WRITES:
                connection.execute(statement.encode())
        assert lab.differences(name) != []
        lab.clones.give_back(name, spare=())
        assert lab.comes_back(name)
        assert lab.differences(name) == []
    lab.clones.give_back(name, spare=())


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE extra (n int)",
        "ALTER TYPE mood ADD VALUE 'calm'",
        "ALTER DATABASE {name} SET jit = off",
        "ALTER ROLE CURRENT_USER IN DATABASE {name} SET jit = off",
        "ALTER DATABASE {name} CONNECTION LIMIT 77",
        "GRANT CREATE ON DATABASE {name} TO PUBLIC",
        "COMMENT ON DATABASE {name} IS 'of a test'",
        "COMMENT ON TABLE note IS 'of a test'",
        "CREATE PUBLICATION p FOR ALL TABLES",
        "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (connect = false)",
        "CREATE EXTENSION pg_trgm",
        "REVOKE EXECUTE ON FUNCTION pg_sleep FROM PUBLIC",
        "DELETE FROM big",
        "BEGIN; DELETE FROM note; PREPARE TRANSACTION 'left'",
    ],
)
def test_a_clone_that_was_changed_otherwise_is_given_to_nobody(lab: Lab, statement: str) -> None:
    name = lab.clones.take()
    with lab.connect(name) as connection:
        connection.execute(statement.format(name=name).encode())
    lab.clones.give_back(name, spare=())
    assert not lab.comes_back(name)
    other = lab.clones.take()
    assert other != name
    assert lab.differences(other) == []
    lab.clones.give_back(other, spare=())


def test_sessions_that_are_known_stay(lab: Lab) -> None:
    name = lab.clones.take()
    with lab.connect(name) as known:
        known.execute("DELETE FROM note")
        lab.clones.give_back(name, spare=[known.info.backend_pid])
        assert lab.comes_back(name)
        assert known.execute("SELECT count(*) FROM note").fetchall() != [(0,)]
    assert lab.differences(name) == []
    lab.clones.give_back(name, spare=())


@pytest.mark.parametrize("left", ["SELECT 1", "SELECT pg_advisory_lock(1)", "BEGIN"])
def test_a_session_that_may_go_on_is_ended_with_its_clone(lab: Lab, left: str) -> None:
    name = lab.clones.take()
    connection = lab.connect(name)
    connection.execute(left.encode())
    # One that is known may stay if it is idle, and holds nothing.
    spare = () if left == "SELECT 1" else (connection.info.backend_pid,)
    lab.clones.give_back(name, spare=spare)
    assert not lab.comes_back(name)
    deadline = time.monotonic() + 20
    while name in worker_databases(lab.server):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")


def test_a_clone_whose_name_is_known_to_others_is_dropped(lab: Lab) -> None:
    name = lab.clones.take()
    lab.clones.give_back(name)
    assert not lab.comes_back(name)


def test_a_clone_that_cannot_be_looked_at_is_dropped(
    tcp_server: ServerAddress, template: ServerAddress, template_picture: Picture
) -> None:
    with (
        lab_of(tcp_server, template, template_picture) as lab,
        psycopg.connect(conninfo(tcp_server), autocommit=True) as strong,
    ):
        name = lab.clones.take()
        strong.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        lab.clones.give_back(name, spare=())
        assert not lab.comes_back(name)


def test_no_more_are_kept_than_will_be_taken(
    tcp_server: ServerAddress, template: ServerAddress
) -> None:
    clones = Clones(tcp_server, template.database, prefix(), 2, 3)
    for _ in range(3):
        clones.give_back(clones.take(), spare=())
    assert clones.take_ready() is None
    assert clones.made <= 3
    clones.close()


def test_a_role_that_may_not_read_all_gets_another_clone_each_time(
    tcp_server: ServerAddress,
) -> None:
    with psycopg.connect(conninfo(tcp_server), autocommit=True) as strong:
        strong.execute("CREATE ROLE short LOGIN CREATEDB PASSWORD 'short'")
        strong.execute("CREATE DATABASE oneloop_short OWNER short")
        try:
            with psycopg.connect(
                conninfo(replace(tcp_server, database="oneloop_short"))
            ) as connection:
                connection.execute("CREATE TABLE hidden (n int)")
            weak = replace(tcp_server, user="short", password="short")
            clones = Clones(weak, "oneloop_short", prefix(), 2, 100)
            names = []
            for _ in range(4):
                names.append(clones.take())
                clones.give_back(names[-1], spare=())
                time.sleep(0.2)
            clones.close()
            assert len(set(names)) == 4
        finally:
            strong.execute("DROP DATABASE oneloop_short")
            strong.execute("DROP ROLE short")
