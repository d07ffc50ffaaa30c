"""A template that several processes want at once, or whose builder is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.databases.locks import lock_number, locked_numbers, server_lock
from pytest_oneloop.databases.postgresql import administer
from pytest_oneloop.databases.stored import ensure_template, lock_key
from pytest_oneloop.errors.connection import ServerTimeoutError
from tools.built_templates import FINGERPRINT, databases, ensure, eventually
from tools.schema_projects import SYNC_ENV, Project, alembic

if TYPE_CHECKING:
    from pytest_oneloop.databases.address import ServerAddress
    from tools.schema_projects import Redirect

pytestmark = pytest.mark.server

BUILDER = """
import sys, time
sys.path[:0] = {tests!r}
from pathlib import Path
from conftest import redirected
from pytest_oneloop.databases.address import ServerAddress
from pytest_oneloop.databases.stored import ensure_template
from pytest_oneloop.schema import find_schema

server = ServerAddress({host!r}, {port!r}, {user!r}, {password!r})
source = find_schema(None, source="default", rootdir=Path({root!r}))
name, facts, built = ensure_template(
    server, source, fingerprint={fingerprint!r}, timeout=20,
    redirect=lambda name: redirected(server, name),
)
print(name, built)
"""


def builder(project: Project, server: ServerAddress) -> subprocess.Popen[str]:
    script = BUILDER.format(
        tests=[str(folder) for folder in Path(__file__).parents[:2]],
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        root=str(project.root),
        fingerprint=FINGERPRINT,
    )
    return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)


def test_processes_at_once_build_once(
    project: Project, server: ServerAddress, redirect: Redirect
) -> None:
    project.write(env=SYNC_ENV).with_four()
    project.revise("r5", "import time; time.sleep(0.5)", down="r4")
    both = [builder(project, server), builder(project, server)]
    answers = [one.communicate(timeout=60)[0].split() for one in both]
    assert sorted(built for _, built in answers) == ["False", "True"]
    assert databases(server) == {answers[0][0]} == {answers[1][0]}
    assert ensure(server, alembic(project.root), redirect)[2] is False


def test_a_build_that_was_killed_is_done_again(
    project: Project, server: ServerAddress, redirect: Redirect
) -> None:
    project.write(env=SYNC_ENV).with_four()
    endless = project.revise("r5", "import time; time.sleep(60)", down="r4")
    process = builder(project, server)

    def sleeps() -> bool:
        # It has reached the fifth revision once the others' work is in its transaction.
        rows = administer(
            server,
            lambda admin: admin.rows(
                "SELECT 1 FROM pg_stat_activity WHERE starts_with(datname, 'oneloop_template_') "
                "AND state = 'idle in transaction' AND query LIKE '%r4%'"
            ),
        )
        return bool(rows)

    try:
        eventually(sleeps)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)
    (left_over,) = databases(server)
    endless.unlink()
    name, _, built = ensure(server, alembic(project.root), redirect)
    assert built
    assert databases(server) == {name}
    assert name != left_over


def test_waiting_for_another_builder_has_a_deadline(
    project: Project, server: ServerAddress, redirect: Redirect
) -> None:
    project.write().with_four()
    with (
        server_lock(server, lock_key(FINGERPRINT)),
        pytest.raises(ServerTimeoutError) as caught,
    ):
        ensure_template(
            server, alembic(project.root), fingerprint=FINGERPRINT, redirect=redirect, timeout=0.2
        )
    assert caught.value.seconds == 0.2
    assert databases(server) == set()


def test_a_lock_is_free_after_its_context(server: ServerAddress) -> None:
    with server_lock(server, "mine", shared=True), server_lock(server, "mine", shared=True):
        assert lock_number("mine") in administer(server, locked_numbers)
    eventually(lambda: lock_number("mine") not in administer(server, locked_numbers))
