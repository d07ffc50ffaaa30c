"""A migration that is under way goes on when the schema is built within it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alembic import context, op
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

from pytest_oneloop.schema import find_schema
from tools.schema_projects import SYNC_ENV, Project

if TYPE_CHECKING:
    from tools.schema_projects import Redirect

pytestmark = pytest.mark.server

MIGRATING = """
from alembic import command
from alembic.config import Config


def create():
    config = Config()
    config.set_main_option("script_location", "migrations")
    command.upgrade(config, "head")
"""


@pytest.mark.parametrize("target", ["alembic", "{package}.migrating:create"])
def test_what_it_has_of_alembic_is_put_back(
    target: str,
    project: Project,
    empty: str,
    redirect: Redirect,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project.write(env=SYNC_ENV).with_four()
    project.models.with_name("migrating.py").write_text(MIGRATING)
    monkeypatch.chdir(project.root)
    monkeypatch.syspath_prepend(project.root)
    option = target.format(package=project.package)
    source = find_schema(option, source="default", rootdir=project.root)
    assert source is not None
    config = Config()
    config.set_main_option("script_location", "migrations")
    script = ScriptDirectory.from_config(config)

    with EnvironmentContext(config, script) as environment:
        environment.configure(dialect_name="postgresql")
        with Operations.context(environment.get_context()) as operations, redirect(empty):
            source.build()
            assert (context.config, context.script) == (config, script)
            assert context.get_context() is environment.get_context()
            assert op.get_context() is operations.migration_context
