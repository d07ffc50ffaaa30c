"""Templates, the facts that are read from them, and the databases made from them."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.databases.locks import lock_number, locked_numbers, server_lock
from pytest_oneloop.databases.postgresql import administer, quote_name
from pytest_oneloop.databases.stored import ensure_template, lock_key, marks
from pytest_oneloop.databases.templates import Reference, TemplateFacts, populate
from pytest_oneloop.databases.workers import (
    create_worker,
    drop_worker,
    live_run,
    sweep,
    worker_name,
)
from pytest_oneloop.errors.connection import DatabaseRightsError, ServerTimeoutError
from pytest_oneloop.errors.schema import RevisionError, SchemaChangedError
from pytest_oneloop.schema import SchemaSource, find_schema
from tools.schema_projects import ASYNC_ENV, FOUR, SYNC_ENV, Project

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_oneloop.databases.address import ServerAddress
    from tools.schema_projects import Redirect

pytestmark = pytest.mark.server

FINGERPRINT = "f" * 64


def alembic(project: Project) -> SchemaSource:
    source = find_schema(None, source="default", rootdir=project.root)
    assert source is not None
    return source


def databases(server: ServerAddress) -> set[str]:
    """Return the plugin's databases; the server is shared with other tests."""
    rows = administer(
        server,
        lambda admin: admin.rows("SELECT datname FROM pg_database WHERE datname LIKE 'oneloop%'"),
    )
    return {str(name) for (name,) in rows}


def run(server: ServerAddress, sql: str) -> None:
    administer(server, lambda admin: admin.execute(sql))


def ensure(
    server: ServerAddress, source: SchemaSource, redirect: Redirect, fingerprint: str = FINGERPRINT
) -> tuple[str, TemplateFacts, bool]:
    return ensure_template(server, source, fingerprint=fingerprint, redirect=redirect, timeout=20)


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_the_facts_of_a_template(
    project: Project, server: ServerAddress, empty: str, redirect: Redirect
) -> None:
    project.write().with_four()
    project.revise(
        "r5", "op.execute('ALTER TABLE product ADD UNIQUE (name) DEFERRABLE')", down="r4"
    )
    facts = populate(server, empty, alembic(project), redirect, fingerprint=FINGERPRINT)
    assert facts.fingerprint == FINGERPRINT
    assert facts.schema == "alembic 5 revisions"
    assert facts.deferrable == ('"public"."order of"',)
    assert facts.has_deferrable
    assert Reference("Order", "customer", cascades=False) in facts.references
    assert facts.driver == "postgresql+asyncpg"
    assert f"{project.package}/models.py" in facts.inputs
    assert TemplateFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts
    rows = administer(
        server, lambda admin: admin.rows("SELECT name FROM product ORDER BY 1"), database=empty
    )
    assert rows == [("coffee",), ("tea",)]


def test_the_tables_at_whose_rows_the_server_looks() -> None:
    references = (
        Reference("books", "authors", cascades=True),
        Reference("reviews", "books", cascades=False),
        Reference("votes", "reviews", cascades=True),
    )
    assert TemplateFacts("f", "s", references=references).related == {
        "authors": {"books", "reviews"},
        "books": {"authors", "reviews"},
        "reviews": {"books", "votes"},
        "votes": {"reviews"},
    }


def test_a_schema_without_deferrable_constraints(
    project: Project, server: ServerAddress, empty: str, redirect: Redirect
) -> None:
    project.write()
    project.revise("r1", FOUR["r1"])
    facts = populate(server, empty, alembic(project), redirect, fingerprint=FINGERPRINT)
    assert (facts.deferrable, facts.has_deferrable) == ((), False)


def test_a_schema_that_changes_while_it_is_built(
    project: Project, server: ServerAddress, empty: str, redirect: Redirect
) -> None:
    project.write()
    file = project.versions / "r2_step.py"
    project.revise("r1", f"open({str(file)!r}, 'w').close()")
    with pytest.raises(SchemaChangedError):
        populate(server, empty, alembic(project), redirect, fingerprint=FINGERPRINT)


def test_a_template_is_built_once(
    project: Project, server: ServerAddress, redirect: Redirect
) -> None:
    project.write().with_four()
    source = alembic(project)
    name, facts, built = ensure(server, source, redirect)
    assert built
    assert name.startswith(f"oneloop_template_{FINGERPRINT[:20]}_")
    assert ensure(server, source, redirect) == (name, facts, False)
    assert databases(server) == {name}


def test_connections_that_an_env_leaves_behind_are_no_obstacle(
    project: Project, server: ServerAddress, redirect: Redirect
) -> None:
    project.write(env=SYNC_ENV.replace(", poolclass=NullPool", "")).with_four()
    name, facts, _ = ensure(server, alembic(project), redirect)
    assert facts.driver == "postgresql+psycopg"
    create_worker(server, name, "oneloop_run_left_main")
    assert "oneloop_run_left_main" in databases(server)


LEAKING_ENV = ASYNC_ENV.replace("        poolclass=pool.NullPool,\n", "").replace(
    "    await connectable.dispose()\n", ""
)


def test_connections_that_an_async_env_leaves_behind_do_not_warn_later(
    project: Project, server: ServerAddress, redirect: Redirect
) -> None:
    assert len(LEAKING_ENV) < len(ASYNC_ENV) - 60
    project.write(env=LEAKING_ENV).with_four()
    name, facts, _ = ensure(server, alembic(project), redirect)
    assert facts.driver == "postgresql+asyncpg"
    # With warnings turned into errors, as this suite has them, a late one would fail the run.
    gc.collect()
    create_worker(server, name, "oneloop_run_left_main")
    assert "oneloop_run_left_main" in databases(server)


def test_an_engine_of_the_application_is_fresh_after_the_migration(
    project: Project, server: ServerAddress, empty: str, redirect: Redirect
) -> None:
    project.write(
        env="from {package}.database import engine\n"
        + SYNC_ENV.partition("engine = ")[0]
        + "with engine.connect()"
        + SYNC_ENV.partition("with engine.connect()")[2]
    ).with_four()
    project.models.with_name("database.py").write_text(
        "from sqlalchemy import create_engine\n"
        "engine = create_engine('postgresql+psycopg://nobody@real.invalid/real')\n"
    )
    populate(server, empty, alembic(project), redirect, fingerprint=FINGERPRINT)
    engine = sys.modules[f"{project.package}.database"].engine
    assert engine.pool.checkedin() == 0


def test_another_fingerprint_is_another_template(
    project: Project, server: ServerAddress, redirect: Redirect
) -> None:
    project.write().with_four()
    first, _, _ = ensure(server, alembic(project), redirect)
    second, _, built = ensure(server, alembic(project), redirect, "e" * 64)
    assert built
    assert databases(server) == {first, second}


def test_a_changed_input_is_another_template(
    project: Project, server: ServerAddress, redirect: Redirect
) -> None:
    project.write().with_four()
    source = alembic(project)
    first, _, _ = ensure(server, source, redirect)
    text = project.models.read_text()
    project.models.write_text(text + "\n")
    os.utime(project.models, (0, 0))
    second, _, built = ensure(server, source, redirect)
    assert built
    assert databases(server) == {first, second}
    project.models.write_text(text)
    assert ensure(server, source, redirect)[::2] == (first, False)


def test_a_build_that_fails_leaves_nothing(
    project: Project, server: ServerAddress, redirect: Redirect
) -> None:
    project.write()
    project.revise("r1", "1 / 0")
    with pytest.raises(RevisionError, match="ZeroDivisionError"):
        ensure(server, alembic(project), redirect)
    assert databases(server) == set()


def test_a_role_without_the_right(
    project: Project, server: ServerAddress, redirect: Redirect
) -> None:
    project.write().with_four()
    run(server, "CREATE ROLE weak LOGIN PASSWORD 'weak'")
    try:
        address = replace(server, user="weak", password="weak")
        with pytest.raises(DatabaseRightsError) as caught:
            ensure(address, alembic(project), redirect)
    finally:
        run(server, "DROP ROLE weak")
    assert "permission denied to create database" in caught.value.reason


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
    assert ensure(server, alembic(project), redirect)[2] is False


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
    name, _, built = ensure(server, alembic(project), redirect)
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
            server, alembic(project), fingerprint=FINGERPRINT, redirect=redirect, timeout=0.2
        )
    assert caught.value.seconds == 0.2
    assert databases(server) == set()


def test_a_lock_is_free_after_its_context(server: ServerAddress) -> None:
    with server_lock(server, "mine", shared=True), server_lock(server, "mine", shared=True):
        assert lock_number("mine") in administer(server, locked_numbers)
    eventually(lambda: lock_number("mine") not in administer(server, locked_numbers))


def test_a_worker_database_is_a_clone(
    project: Project, server: ServerAddress, redirect: Redirect
) -> None:
    project.write().with_four()
    template, _, _ = ensure(server, alembic(project), redirect)
    name = worker_name("0a1b", "gw0")
    create_worker(server, template, name)
    rows = administer(
        server, lambda admin: admin.rows("SELECT count(*) FROM product"), database=name
    )
    assert rows == [(2,)]
    drop_worker(server, name)
    drop_worker(server, name)
    assert databases(server) == {template}


@pytest.mark.parametrize(
    ("run", "worker"), [("A", "gw0"), ("a", "gw_0"), ("", "gw0"), ("a" * 60, "m")]
)
def test_a_name_that_could_not_be_read_back(run: str, worker: str) -> None:
    with pytest.raises(ValueError, match="not a run and a worker"):
        worker_name(run, worker)


def test_only_what_is_dead_is_swept(
    project: Project, server: ServerAddress, redirect: Redirect
) -> None:
    project.write().with_four()
    template, _, _ = ensure(server, alembic(project), redirect)
    unfinished = f"oneloop_template_{'0' * 20}_dead"
    building = f"oneloop_template_{'1' * 20}_alive"
    for name in (unfinished, building):
        run(server, f"CREATE DATABASE {quote_name(name)}")
    dead, alive = worker_name("dead", "main"), worker_name("alive", "main")
    with live_run(server, "alive"), server_lock(server, lock_key("1" * 64)):
        create_worker(server, template, dead)
        create_worker(server, template, alive)
        assert sorted(sweep(server)) == sorted([dead, unfinished])
        assert databases(server) == {template, alive, building}
    eventually(lambda: sorted(sweep(server)) == sorted([alive, building]))


def test_templates_that_nobody_uses_go(server: ServerAddress) -> None:
    facts = TemplateFacts(FINGERPRINT, "alembic 1 revision").to_json()
    old = [f"oneloop_template_{number:020d}_old" for number in range(9)]
    for age, name in enumerate(old):
        mark = json.dumps({"oneloop_template": 1, "used": 1000 - age, "facts": facts})
        run(server, f"CREATE DATABASE {quote_name(name)}")
        run(server, f"COMMENT ON DATABASE {quote_name(name)} IS '{mark}'")
    assert sweep(server) == [old[-1]]
    assert sweep(server) == []
    for name in old:
        drop_worker(server, name)


def test_a_comment_of_somebody_else_is_no_mark(server: ServerAddress) -> None:
    name = f"oneloop_template_{'0' * 20}_x"
    run(server, f"CREATE DATABASE {name}")
    run(server, f"COMMENT ON DATABASE {name} IS '[1]'")
    assert administer(server, marks) == {name: None}
