"""One server for several roles: each has templates of its own, and leaves alone those of others."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.databases.postgresql import administer, quote_name
from pytest_oneloop.databases.stored import drop
from pytest_oneloop.databases.templates import TemplateFacts
from pytest_oneloop.databases.workers import create_worker, sweep, worker_name
from tools import projects
from tools.built_templates import FINGERPRINT, databases, run
from tools.servers import database_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_oneloop.databases.address import ServerAddress

pytestmark = pytest.mark.server

WRITES = """
from sqlalchemy import text


async def test_it(db_session):
    await db_session.execute(text("INSERT INTO notes (text) VALUES ('a')"))
"""


@pytest.fixture
def roles(server: ServerAddress) -> Iterator[list[ServerAddress]]:
    """Two roles that may create databases."""
    names = ("dev", "dev2")
    for name in names:
        run(server, f"CREATE ROLE {name} LOGIN PASSWORD 'word' CREATEDB")
    yield [replace(server, user=name, password="word") for name in names]
    for name in databases(server):
        administer(server, partial(drop, name=name))
    for name in names:
        run(server, f"DROP ROLE {name}")


def test_each_role_has_a_template_of_its_own(
    roles: list[ServerAddress], server: ServerAddress, tmp_path: Path
) -> None:
    project = projects.lean(tmp_path)
    project.write({"test_notes.py": WRITES})
    for _ in range(2):
        for role in roles:
            done = project.run(ONELOOP_SERVER=database_url(role, "postgresql"))
            assert set(done.counts) == {"passed"}, done.output
    assert len(databases(server)) == len(roles)


def test_what_is_another_roles_is_not_swept(
    roles: list[ServerAddress], server: ServerAddress
) -> None:
    one, other = roles
    facts = TemplateFacts(FINGERPRINT, "alembic 1 revision").to_json()
    old = [f"oneloop_template_{number:020d}_old" for number in range(9)]
    for age, name in enumerate(old):
        mark = json.dumps({"oneloop_template": 1, "used": 1000 - age, "facts": facts})
        run(one, f"CREATE DATABASE {quote_name(name)}")
        run(one, f"COMMENT ON DATABASE {quote_name(name)} IS '{mark}'")
    unfinished = f"oneloop_template_{'a' * 20}_dead"
    run(one, f"CREATE DATABASE {quote_name(unfinished)}")
    dead = worker_name("dead", "main")
    create_worker(one, "template1", dead)
    assert sweep(other) == []
    assert databases(server) == {*old, unfinished, dead}
    assert sorted(sweep(one)) == sorted([old[-1], unfinished, dead])
