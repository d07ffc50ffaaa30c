"""Templates, when they are built, and the facts that are read from them."""

from __future__ import annotations

import gc
import json
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.databases.postgresql import administer
from pytest_oneloop.databases.templates import Reference, TemplateFacts, populate
from pytest_oneloop.databases.workers import create_worker
from pytest_oneloop.errors.connection import DatabaseRightsError
from pytest_oneloop.errors.schema import RevisionError, SchemaChangedError
from tools.built_templates import FINGERPRINT, databases, ensure, run
from tools.schema_projects import ASYNC_ENV, FOUR, SYNC_ENV, Project, alembic

if TYPE_CHECKING:
    from pytest_oneloop.databases.address import ServerAddress
    from tools.schema_projects import Redirect

pytestmark = pytest.mark.server


def test_the_facts_of_a_template(
    project: Project, server: ServerAddress, empty: str, redirect: Redirect
) -> None:
    project.write().with_four()
    project.revise(
        "r5", "op.execute('ALTER TABLE product ADD UNIQUE (name) DEFERRABLE')", down="r4"
    )
    facts = populate(server, empty, alembic(project.root), redirect, fingerprint=FINGERPRINT)
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
    facts = populate(server, empty, alembic(project.root), redirect, fingerprint=FINGERPRINT)
    assert (facts.deferrable, facts.has_deferrable) == ((), False)


def test_a_schema_that_changes_while_it_is_built(
    project: Project, server: ServerAddress, empty: str, redirect: Redirect
) -> None:
    project.write()
    file = project.versions / "r2_step.py"
    project.revise("r1", f"open({str(file)!r}, 'w').close()")
    with pytest.raises(SchemaChangedError):
        populate(server, empty, alembic(project.root), redirect, fingerprint=FINGERPRINT)


def test_a_template_is_built_once(
    project: Project, server: ServerAddress, redirect: Redirect
) -> None:
    project.write().with_four()
    source = alembic(project.root)
    name, facts, built = ensure(server, source, redirect)
    assert built
    assert name.startswith(f"oneloop_template_{FINGERPRINT[:20]}_")
    assert ensure(server, source, redirect) == (name, facts, False)
    assert databases(server) == {name}


def test_connections_that_an_env_leaves_behind_are_no_obstacle(
    project: Project, server: ServerAddress, redirect: Redirect
) -> None:
    project.write(env=SYNC_ENV.replace(", poolclass=NullPool", "")).with_four()
    name, facts, _ = ensure(server, alembic(project.root), redirect)
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
    name, facts, _ = ensure(server, alembic(project.root), redirect)
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
    populate(server, empty, alembic(project.root), redirect, fingerprint=FINGERPRINT)
    engine = sys.modules[f"{project.package}.database"].engine
    assert engine.pool.checkedin() == 0


def test_another_fingerprint_is_another_template(
    project: Project, server: ServerAddress, redirect: Redirect
) -> None:
    project.write().with_four()
    first, _, _ = ensure(server, alembic(project.root), redirect)
    second, _, built = ensure(server, alembic(project.root), redirect, "e" * 64)
    assert built
    assert databases(server) == {first, second}


def test_a_changed_input_is_another_template(
    project: Project, server: ServerAddress, redirect: Redirect
) -> None:
    project.write().with_four()
    source = alembic(project.root)
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
        ensure(server, alembic(project.root), redirect)
    assert databases(server) == set()


def test_a_role_without_the_right(
    project: Project, server: ServerAddress, redirect: Redirect
) -> None:
    project.write().with_four()
    run(server, "CREATE ROLE weak LOGIN PASSWORD 'weak'")
    try:
        address = replace(server, user="weak", password="weak")
        with pytest.raises(DatabaseRightsError) as caught:
            ensure(address, alembic(project.root), redirect)
    finally:
        run(server, "DROP ROLE weak")
    assert "permission denied to create database" in caught.value.reason
