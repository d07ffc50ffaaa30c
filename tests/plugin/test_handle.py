"""The handle `oneloop`, on the embedded server and on one with a password."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.projects import shop
from tools.servers import database_url

if TYPE_CHECKING:
    from pytest_oneloop.databases.address import ServerAddress
    from tools.projects import Project

pytestmark = pytest.mark.server

INNER = Path(__file__).parents[1] / "runners" / "handle" / "test_handle.py"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    laid = shop(tmp_path / "shop")
    shutil.copy(INNER, laid.folder / "tests")
    return laid


def test_on_the_embedded_server(project: Project) -> None:
    done = project.run("-W", "error", "tests/test_handle.py")
    assert done.counts == {"passed": 14}, done.output


def test_on_a_server_with_a_password(project: Project, tcp_server: ServerAddress) -> None:
    server = database_url(tcp_server, "postgresql")
    done = project.run("-W", "error", "tests/test_handle.py", ONELOOP_SERVER=server)
    assert done.counts == {"passed": 14}, done.output
    assert str(tcp_server.password) not in done.output
