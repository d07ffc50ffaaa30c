"""A clone serves one test after another, with its connections, as long as nobody can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tools.projects import Project

pytestmark = pytest.mark.server

CONFTEST = """
import time

import pytest
from sqlalchemy import text

from pytest_oneloop.plugin import RUN

COUNT = text("SELECT count(*) FROM notes")
WHO = text("SELECT current_database() || ' ' || pg_backend_pid()")


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.oneloop(strategy="clone"))


@pytest.fixture
def seen(request):
    def note(where):
        with open("seen", "a") as seen:
            seen.write(f"{request.node.name} {where}\\n")
    return note


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    run = item.config.stash[RUN]
    yield
    if (lending := run.backends.of("postgresql").isolation._lending) is None:
        return
    clones = lending._clones
    deadline = time.monotonic() + 20
    while any(name not in clones._lost for name in lending._known
              if name not in [one.name for one in clones._ready]):
        assert time.monotonic() < deadline
        time.sleep(0.005)
"""
TESTS = """
import psycopg
import pytest
from sqlalchemy import create_engine, text

from conftest import COUNT, WHO
from notes import Note, engine, new_session
"""


def seen(
    project: Project, tests: str, *options: str, conftest: str = CONFTEST
) -> dict[str, tuple[str, int]]:
    """Run tests; return the database and the session that each has noted."""
    project.write({"conftest.py": conftest, "test_it.py": TESTS + tests})
    done = project.run("-W", "error", "-p", "no:randomly", *options, "test_it.py")
    assert set(done.counts) == {"passed"}, done.output
    lines = (project.folder / "seen").read_text().splitlines()
    return {name: (base, int(pid)) for name, base, pid in map(str.split, lines)}


PLAIN = """
@pytest.mark.parametrize("number", range(8))
async def test_plain(number, seen):
    async with new_session() as session:
        assert await session.scalar(COUNT) == 0
        session.add(Note(text="left"))
        await session.commit()
        seen(await session.scalar(WHO))
"""


def test_one_clone_and_one_connection_serve_many_tests(project: Project) -> None:
    found = seen(project, PLAIN)
    assert len(found) == 8
    # The first test begins before anything is ready, so its connection is of no clone's pool.
    later = list(found.values())[1:6]
    assert len(set(later)) < len(later), found


def test_a_changed_schema_means_another_clone(project: Project) -> None:
    changing = """
async def test_changing(seen):
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE notes ADD COLUMN place int"))
        seen(await connection.scalar(WHO))
"""
    found = seen(project, PLAIN.replace("plain", "before") + changing + PLAIN)
    changed, _ = found["test_changing"]
    assert changed in {base for name, (base, _) in found.items() if "before" in name}
    assert changed not in {base for name, (base, _) in found.items() if "plain" in name}


def test_a_clone_whose_url_was_asked_for_is_given_to_nobody_else(project: Project) -> None:
    asking = """
@pytest.mark.parametrize("number", range(3))
async def test_asking(number, seen, oneloop):
    with psycopg.connect(oneloop.plain_url) as connection:
        assert connection.execute("SELECT count(*) FROM notes").fetchall() == [(0,)]
        seen(connection.execute("SELECT current_database() || ' 0'").fetchall()[0][0])
"""
    found = seen(project, asking + PLAIN)
    asked = [base for name, (base, _) in found.items() if "asking" in name]
    assert len(set(asked)) == 3
    assert not {base for name, (base, _) in found.items() if "plain" in name} & set(asked)


def test_a_second_process_is_ended_and_its_clone_with_it(project: Project) -> None:
    left = """
import subprocess
import sys

WRITER = '''
import sys
import time
import psycopg

with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    print("ready", flush=True)
    while True:
        connection.execute("INSERT INTO notes (text) VALUES ('from elsewhere')")
        time.sleep(0.001)
'''
writers = []


async def test_leaving(seen, request):
    async with engine.connect() as connection:
        seen(who := await connection.scalar(WHO))
    # By the name that the server tells, without asking the plugin for the URL.
    from pytest_oneloop.plugin import RUN

    there = request.config.stash[RUN].backends.of("postgresql").database().destination.address
    url = f"host={there.host} port={there.port} user={there.user} dbname={who.split()[0]}"
    command = [sys.executable, "-c", WRITER, url]
    writers.append(subprocess.Popen(command, stdout=-1, stderr=-1, text=True))
    assert writers[0].stdout.readline() == "ready\\n"


def test_it_has_ended(oneloop):
    output, errors = writers[0].communicate(timeout=20)
    # The server's last words do not always come through.
    assert (writers[0].returncode, "psycopg." in errors) == (1, True), errors
    assert oneloop.database
"""
    found = seen(project, left + PLAIN)
    dropped, _ = found["test_leaving"]
    assert dropped not in {base for name, (base, _) in found.items() if "plain" in name}


LOST = """
@pytest.fixture
def lost(request):
    from pytest_oneloop.plugin import RUN

    there = request.config.stash[RUN].backends.of("postgresql").database().destination.address
    url = f"host={there.host} port={there.port} user={there.user} dbname=postgres"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname ~ 'oneloop_run' AND application_name <> 'pytest-oneloop'"
        )


@pytest.mark.parametrize("number", range(4))
async def test_lost(lost, number, seen):
    async with new_session() as session:
        assert await session.scalar(COUNT) == 0
        session.add(Note(text="left"))
        await session.commit()
        seen(await session.scalar(WHO))


sync = create_engine("postgresql+psycopg://nobody@database.invalid/none")


@pytest.mark.parametrize("number", range(4))
def test_lost_synchronously(lost, number, seen):
    with sync.begin() as connection:
        assert connection.scalar(COUNT) == 0
        connection.execute(text("INSERT INTO notes (text) VALUES ('left')"))
        seen(connection.scalar(WHO))
"""


def test_a_connection_that_was_lost_meanwhile_is_replaced(project: Project) -> None:
    found = seen(project, PLAIN + LOST)
    sessions = [pid for name, (_, pid) in found.items() if "lost" in name]
    assert len(set(sessions)) == 8
    names = [base for name, (base, _) in found.items() if "lost" in name]
    assert len(set(names)) < len(names)


@pytest.mark.parametrize("scope", ["function", "session"])
def test_under_each_loop_scope(project: Project, scope: str) -> None:
    option = ("-o", f"asyncio_default_test_loop_scope={scope}")
    found = seen(project, PLAIN, *option, "-o", f"asyncio_default_fixture_loop_scope={scope}")
    names = [base for base, _ in found.values()]
    assert len(set(names)) < len(names)
    sessions = [pid for _, pid in found.values()]
    # A connection ends with its loop.
    assert (len(set(sessions)) == len(sessions)) == (scope == "function")


@pytest.mark.parametrize("strategy", ["commit", "clone"])
def test_connections_of_engines_that_are_gone_end(project: Project, strategy: str) -> None:
    discarding = """
import gc

from sqlalchemy import create_engine


@pytest.mark.parametrize("number", range(6))
def test_discarding(number, seen):
    gc.collect()
    own = create_engine("postgresql+psycopg://nobody@database.invalid/none")
    with own.begin() as connection:
        seen(connection.scalar(WHO))


def test_what_is_left(seen):
    gc.collect()
    with sync.connect() as connection:
        left = connection.scalar(text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name <> 'pytest-oneloop'"
        ))
    assert left <= 3


sync = create_engine("postgresql+psycopg://nobody@database.invalid/none")
"""
    conftest = CONFTEST.replace('strategy="clone"', f'strategy="{strategy}"')
    found = seen(project, discarding, conftest=conftest)
    assert len({pid for _, pid in found.values()}) == 6
