"""The set-ups that people write by hand, with the plugin off and on.

Off, each one does what its first line says. On, the same files pass, unchanged; and so do the
tests alone, without any of the fixtures that were written for them.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

import pytest_oneloop
from tools.counting_proxy import CountingProxy
from tools.listeners import CountingListener
from tools.servers import conninfo, database_url

if TYPE_CHECKING:
    from pytest_oneloop.databases.address import ServerAddress

pytestmark = pytest.mark.server

SETUP_FILES = Path(pytest_oneloop.__file__).parent / "demo" / "setups"

OTHER_LOOP = "attached to a different loop"
BUSY = "cannot perform operation: another operation is in progress"
BROKEN_STACK = 'savepoint "sa_savepoint_2" does not exist'

PASSED, FAILED = "PASSED", "FAILED"
TABLES = "CREATE TABLE users (id serial PRIMARY KEY, email varchar NOT NULL UNIQUE)"
_WORSE = (PASSED, "ERROR", FAILED)
_LISTED = re.compile(r"^(PASSED|FAILED|ERROR) test_setup\.py::(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class SetUp:
    """One hand-written set-up, and what it does without the plugin.

    Attributes:
        name: Its folder.
        outcomes: Test by test, in the order of the file.
        texts: What its output shows.
        connections: How many it opens; `None` where that says nothing.
        rows: How many users it leaves in the database; `None` where that says nothing.
    """

    name: str
    outcomes: dict[str, str]
    texts: tuple[str, ...] = ()
    connections: int | None = None
    rows: int | None = None


SETUPS = [
    SetUp(
        "setup_1",
        {
            "test_a_user_is_stored": FAILED,
            "test_sign_up": FAILED,
            "test_an_email_is_taken_once": FAILED,
        },
        texts=(OTHER_LOOP,),
    ),
    SetUp(
        "setup_2",
        {
            "test_a_user_is_stored": PASSED,
            "test_sign_up": FAILED,
            "test_the_list_has_who_signed_up": FAILED,
        },
        texts=(OTHER_LOOP,),
    ),
    SetUp(
        "setup_3",
        {
            "test_a_user_is_stored": PASSED,
            "test_sign_up": PASSED,
            "test_an_email_is_taken_once": PASSED,
        },
        connections=4,  # one for each test, and a second where a session is open beside a request
        rows=3,
    ),
    SetUp(
        "setup_4",
        {
            "test_sign_up": PASSED,
            "test_an_email_is_taken_once": PASSED,
            "test_nobody_has_signed_up_yet": FAILED,
        },
        texts=("assert 2 == 0",),
        connections=1,
        rows=2,
    ),
    *(
        SetUp(
            name,
            {
                "test_sign_up": PASSED,
                "test_an_email_is_taken_once": PASSED,
                "test_nobody_has_signed_up_yet": PASSED,
            },
            connections=1,
            rows=rows,
        )
        for name, rows in (("setup_5", None), ("setup_6", 0), ("setup_7", 0))
    ),
    SetUp(
        "setup_8",
        {
            "test_sign_up": PASSED,
            "test_nobody_has_signed_up_yet": PASSED,
            "test_two_sign_up_at_once": FAILED,
            "test_two_imports_at_once": FAILED,
        },
        texts=(BROKEN_STACK, BUSY),
        connections=1,
        rows=0,
    ),
]
BY_HAND = [setup for setup in SETUPS if setup.name != "setup_8"]


def by_name(setup: SetUp) -> str:
    return setup.name


@dataclass(frozen=True)
class Project:
    """A copy of one set-up, and how to run it."""

    pytester: pytest.Pytester
    monkeypatch: pytest.MonkeyPatch

    def write(self, setup: SetUp, *, fixtures: bool = True) -> None:
        shutil.copy(SETUP_FILES / "app.py", self.pytester.path)
        shutil.copytree(SETUP_FILES / setup.name, self.pytester.path, dirs_exist_ok=True)
        if not fixtures:
            (self.pytester.path / "conftest.py").unlink()

    def run(self, *options: str, **environment: str) -> tuple[dict[str, str], str]:
        """Run its tests in a process of their own; return outcomes and output."""
        for name, value in environment.items():
            self.monkeypatch.setenv(name, value)
        result = self.pytester.runpytest_subprocess(
            *("-rA", "--tb=short", "-p", "no:randomly", "-p", "no:cacheprovider"),
            *options,
            timeout=60,
        )
        output = result.stdout.str()
        outcomes: dict[str, str] = {}
        for outcome, test in _LISTED.findall(output):
            # A teardown may fail as well, after a test that passed or failed: the worst counts.
            outcomes[test] = max(outcome, outcomes.get(test, PASSED), key=_WORSE.index)
        return outcomes, output


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    return Project(pytester, monkeypatch)


def databases(server: ServerAddress) -> set[str]:
    with psycopg.connect(conninfo(server)) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE NOT datistemplate")
        return {name for (name,) in rows}


@pytest.mark.parametrize("setup", SETUPS, ids=by_name)
def test_off(setup: SetUp, project: Project, tcp_database: ServerAddress) -> None:
    project.write(setup)
    with psycopg.connect(conninfo(tcp_database)) as connection:
        connection.execute(TABLES)
    with CountingProxy(tcp_database) as proxy:
        outcomes, output = project.run(
            *("-p", "no:oneloop"), APP_DATABASE_URL=database_url(proxy.address)
        )
    assert outcomes == setup.outcomes, output
    for text in setup.texts:
        assert text in output
    if setup.connections is not None:
        assert proxy.since().connections == setup.connections
    if setup.rows is not None:
        with psycopg.connect(conninfo(tcp_database)) as connection:
            assert connection.execute("SELECT count(*) FROM users").fetchone() == (setup.rows,)


@pytest.mark.parametrize(
    ("setup", "fixtures"),
    # With set-up 8's own fixtures all sessions share one SQLAlchemy connection, and its stack of
    # savepoints is above the driver, where no sandbox can reach.
    [(setup, True) for setup in BY_HAND] + [(setup, False) for setup in SETUPS],
    ids=[f"{setup.name}-unchanged" for setup in BY_HAND]
    + [f"{setup.name}-without-fixtures" for setup in SETUPS],
)
def test_on(
    setup: SetUp,
    fixtures: bool,  # noqa: FBT001 - a parameter
    project: Project,
    tcp_server: ServerAddress,
) -> None:
    project.write(setup, fixtures=fixtures)
    before = databases(tcp_server)
    with CountingListener() as real:
        outcomes, output = project.run(
            APP_DATABASE_URL=f"postgresql+asyncpg://app:app@{real.host}:{real.port}/production",
            ONELOOP_SERVER=database_url(tcp_server, "postgresql"),
        )
        assert real.accepted == 0
    assert outcomes == dict.fromkeys(setup.outcomes, PASSED), output
    assert databases(tcp_server) == before
