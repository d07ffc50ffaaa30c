"""Worker databases made from a template, and what is swept after runs that are gone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.databases.locks import server_lock
from pytest_oneloop.databases.postgresql import administer, quote_name
from pytest_oneloop.databases.stored import lock_key, marks
from pytest_oneloop.databases.templates import TemplateFacts
from pytest_oneloop.databases.workers import (
    create_worker,
    drop_worker,
    live_run,
    sweep,
    worker_name,
)
from tools.built_templates import FINGERPRINT, databases, ensure, eventually, run
from tools.schema_projects import Project, alembic

if TYPE_CHECKING:
    from pytest_oneloop.databases.address import ServerAddress
    from tools.schema_projects import Redirect

pytestmark = pytest.mark.server


def test_a_worker_database_is_a_clone(
    project: Project, server: ServerAddress, redirect: Redirect
) -> None:
    project.write().with_four()
    template, _, _ = ensure(server, alembic(project.root), redirect)
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
    template, _, _ = ensure(server, alembic(project.root), redirect)
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
