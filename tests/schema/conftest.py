"""A project to migrate, and engines sent to where it is built."""

from __future__ import annotations

import contextlib
import itertools
import sys
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, event

from pytest_oneloop.databases.postgresql import Admin, administer, connect_url, quote_name
from pytest_oneloop.databases.stored import drop, marks
from tools.schema_projects import Project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_oneloop.databases.address import ServerAddress
    from tools.schema_projects import Redirect


_numbers = itertools.count()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project with a package of a name that no other test uses."""
    path = list(sys.path)
    name = f"shop{next(_numbers)}"
    yield Project(tmp_path / "project", name)
    assert sys.path == path
    for module in [one for one in sys.modules if one.partition(".")[0] == name]:
        del sys.modules[module]


@pytest.fixture
def server(tcp_server: ServerAddress) -> Iterator[ServerAddress]:
    """The server, without databases of ours before and after."""
    administer(tcp_server, _drop_ours)
    yield tcp_server
    administer(tcp_server, _drop_ours)


@pytest.fixture
def redirect(server: ServerAddress) -> Redirect:
    """Send every engine of the process to one database of the server."""
    return lambda name: redirected(server, name)


@contextlib.contextmanager
def redirected(server: ServerAddress, name: str) -> Iterator[None]:
    def go(dialect: Any, _record: object, _args: object, parameters: dict[str, Any]) -> None:
        url = connect_url(f"postgresql+{dialect.driver}", server, name)
        parameters.clear()
        parameters.update(dialect.create_connect_args(url)[1])

    event.listen(Engine, "do_connect", go)
    try:
        yield
    finally:
        event.remove(Engine, "do_connect", go)


@pytest.fixture
def empty(server: ServerAddress) -> Iterator[str]:
    """An empty database."""
    name = "oneloop_test_empty"
    administer(server, lambda admin: admin.execute(f"CREATE DATABASE {quote_name(name)}"))
    yield name
    administer(server, lambda admin: drop(admin, name))


def _drop_ours(admin: Admin) -> None:
    rows = admin.rows("SELECT datname FROM pg_database WHERE starts_with(datname, 'oneloop_')")
    for name in [*marks(admin), *(str(name) for (name,) in rows)]:
        drop(admin, name)
