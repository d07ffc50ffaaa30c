"""Metadata objects and functions, named by `package.module:name`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import DBAPIError

from pytest_oneloop.databases.postgresql import administer
from pytest_oneloop.errors.schema import (
    EmptyMetadataError,
    NoRevisionsError,
    SchemaBuildError,
    SchemaTargetError,
)
from pytest_oneloop.schema import SchemaSource, find_schema

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_oneloop.databases.address import ServerAddress
    from tools.schema_projects import Project, Redirect

pytestmark = pytest.mark.server

FUNCTIONS = """
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

SQL = "CREATE TABLE made (id int)"

def with_connection(connection):
    connection.execute(text(SQL))

async def with_async_connection(connection):
    await connection.execute(text(SQL))

def alone():
    from sqlalchemy import NullPool, create_engine
    engine = create_engine("postgresql+psycopg://nobody@real.invalid/real", poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(SQL))

async def alone_async():
    engine = create_async_engine("postgresql+asyncpg://nobody@real.invalid/real")
    async with engine.begin() as connection:
        await connection.execute(text(SQL))
    await engine.dispose()

def optional(connection=None):
    assert connection is None
    alone()

class Maker:
    def __call__(self, connection):
        with_connection(connection)

maker = Maker()
number = 3

def two(a, b):
    pass

def broken(connection):
    connection.execute(text("CREATE TABLE made (id nothing)"))

def recreate(connection):
    pass
"""


@pytest.fixture
def shop(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    project.write()
    (project.models.parent / "testing.py").write_text(FUNCTIONS)
    monkeypatch.syspath_prepend(project.root)
    return project


def target(project: Project, name: str) -> SchemaSource:
    source = find_schema(
        f"{project.package}.{name}", source="oneloop_schema in pytest.ini", rootdir=project.root
    )
    assert source is not None
    return source


def tables(server: ServerAddress, database: str) -> list[str]:
    rows = administer(
        server,
        lambda admin: admin.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"),
        database=database,
    )
    return [str(name) for (name,) in rows]


@pytest.mark.parametrize("name", ["Base", "Base.metadata"])
def test_metadata_is_created(
    shop: Project,
    server: ServerAddress,
    empty: str,
    redirect: Redirect,
    name: str,
) -> None:
    source = target(shop, f"models:{name}")
    assert source.describe() == f"{shop.package}.models:{name}"
    assert shop.package not in sys.modules
    source.fingerprint()
    assert source.name == f"metadata {shop.package}.models:{name}"
    with redirect(empty):
        assert source.build() == {}
    assert tables(server, empty) == ["thing"]


@pytest.mark.parametrize(
    "name",
    ["with_connection", "with_async_connection", "alone", "alone_async", "optional", "maker"],
)
def test_every_kind_of_function_is_called(
    shop: Project,
    server: ServerAddress,
    empty: str,
    redirect: Redirect,
    name: str,
) -> None:
    source = target(shop, f"testing:{name}")
    source.fingerprint()
    assert source.name == f"callable {shop.package}.testing:{name}"
    with redirect(empty):
        source.build()
    assert tables(server, empty) == ["made"]


def test_a_changed_column_gives_another_fingerprint(shop: Project) -> None:
    source = target(shop, "models:Base")
    before = source.fingerprint()
    shop.models.write_text(shop.models.read_text() + "    name: Mapped[str]\n")
    for module in [one for one in sys.modules if one.startswith(shop.package)]:
        del sys.modules[module]
    assert target(shop, "models:Base").fingerprint() != before


def test_a_changed_function_gives_another_fingerprint(shop: Project) -> None:
    source = target(shop, "testing:with_connection")
    before = source.fingerprint()
    file = shop.models.with_name("testing.py")
    file.write_text(file.read_text() + "\n")
    assert source.fingerprint() != before


def test_a_change_of_what_a_function_imports_is_seen(
    shop: Project, empty: str, redirect: Redirect
) -> None:
    file = shop.models.with_name("testing.py")
    file.write_text(
        "def create(connection):\n"
        f"    from {shop.package}.models import Base\n"
        "    Base.metadata.create_all(connection)\n"
    )
    source = target(shop, "testing:create")
    with redirect(empty):
        inputs = source.build()
    assert source.changed(inputs) == []
    shop.models.write_text(shop.models.read_text() + "\n")
    assert source.changed(inputs) == [f"{shop.package}/models.py"]


def test_metadata_without_tables(shop: Project) -> None:
    shop.models.with_name("empty.py").write_text(
        "import sqlalchemy\nmeta = sqlalchemy.MetaData()\n"
    )
    with pytest.raises(EmptyMetadataError) as caught:
        target(shop, "empty:meta").fingerprint()
    assert caught.value.target == f"{shop.package}.empty:meta"


@pytest.mark.parametrize(
    ("name", "reason", "near"),
    [
        ("modles:Base", "there is no module '{0}.modles'", ("{0}.models",)),
        ("models:Bas", "the module has no 'Bas'", ("Base",)),
        (
            "testing:number",
            "it is a int, not a MetaData, a declarative base, or a function",
            (),
        ),
        (
            "testing:two",
            "the function wants 2 arguments; it is given a connection, or nothing",
            (),
        ),
        ("models:", "a name beside the colon is missing", ()),
    ],
)
def test_a_name_that_leads_nowhere(
    shop: Project, name: str, reason: str, near: tuple[str, ...]
) -> None:
    with pytest.raises(SchemaTargetError) as caught:
        target(shop, name).fingerprint()
    assert caught.value.reason == reason.format(shop.package)
    assert caught.value.near == tuple(one.format(shop.package) for one in near)


def test_a_package_that_does_not_exist(shop: Project) -> None:
    source = find_schema("shoop_none.models:Base", source="default", rootdir=shop.root)
    assert source is not None
    with pytest.raises(SchemaTargetError) as caught:
        source.fingerprint()
    assert caught.value.reason == "there is no module 'shoop_none'"


def test_a_module_that_raises(shop: Project) -> None:
    file = shop.models.with_name("bad.py")
    file.write_text("\nimport no_such_package_at_all\n")
    with pytest.raises(SchemaTargetError) as caught:
        target(shop, "bad:Base").fingerprint()
    assert caught.value.reason == (
        f"importing {shop.package}.bad failed, at {file}:2: "
        "ModuleNotFoundError: No module named 'no_such_package_at_all'"
    )


def test_a_name_without_a_colon(shop: Project) -> None:
    with pytest.raises(SchemaTargetError) as caught:
        find_schema("shop.models", source="ONELOOP_SCHEMA", rootdir=shop.root)
    assert caught.value.reason == "the colon and a name after it are missing"


def test_a_function_that_raises(shop: Project, empty: str, redirect: Redirect) -> None:
    with redirect(empty), pytest.raises(SchemaBuildError) as caught:
        target(shop, "testing:broken").build()
    file = shop.models.with_name("testing.py")
    line = (
        file.read_text()
        .splitlines()
        .index('    connection.execute(text("CREATE TABLE made (id nothing)"))')
    )
    assert caught.value.place == f"{file}:{line + 1}"
    assert 'type "nothing" does not exist' in str(caught.value)
    assert isinstance(caught.value.__cause__, DBAPIError)


def test_nothing_is_found_where_nothing_is(project: Project) -> None:
    project.root.mkdir()
    (project.root / "pyproject.toml").touch()
    assert find_schema(None, source="default", rootdir=project.root) is None


def test_alembic_is_found_above_the_tests(project: Project) -> None:
    project.write().with_four()
    tests = project.root / "tests" / "unit"
    tests.mkdir(parents=True)
    source = find_schema(None, source="default", rootdir=tests)
    assert source is not None
    assert source.describe() == "alembic 4 revisions"


def test_alembic_is_not_looked_for_outside_of_the_project(project: Project) -> None:
    project.write().with_four()
    tests = project.root / "inner"
    tests.mkdir()
    (tests / "pyproject.toml").touch()
    assert find_schema(None, source="default", rootdir=tests) is None


def test_alembic_named_by_its_file(project: Project) -> None:
    project.write().with_four()
    project.ini.rename(project.root / "other.ini")
    source = find_schema(
        "alembic:project/other.ini", source="ONELOOP_SCHEMA", rootdir=project.root.parent
    )
    assert source is not None
    assert source.describe() == "alembic 4 revisions"


def test_alembic_asked_for_and_absent(project: Project) -> None:
    project.root.mkdir()
    (project.root / "pyproject.toml").touch()
    with pytest.raises(NoRevisionsError, match=r"set by ONELOOP_SCHEMA"):
        find_schema("alembic", source="ONELOOP_SCHEMA", rootdir=project.root)


def test_a_configuration_of_alembic_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SchemaTargetError) as caught:
        find_schema("alembic:nope.ini", source="--oneloop-schema", rootdir=tmp_path)
    assert str(caught.value) == (
        "OL111: The schema 'alembic:nope.ini' (set by --oneloop-schema) cannot be used: there is "
        f"no file {tmp_path / 'nope.ini'}.\n"
        "  Likely cause: the path is misspelt, or is not written as from the root folder "
        f"{tmp_path}.\n"
        "  What to do: correct the path, which may be absolute too; "
        '"alembic" alone finds the alembic.ini or pyproject.toml of the project.'
    )
