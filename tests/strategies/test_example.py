"""The example's tests of what needs a real database; they name no strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.attempts import told
from tools.projects import shop
from tools.servers import database_url

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_oneloop.databases.address import ServerAddress
    from tools.projects import Finished, Project

pytestmark = pytest.mark.server

FEED, TRANSFERS, JOBS = FILES = tuple(
    f"tests/test_{name}.py" for name in ("feed", "transfers", "jobs")
)
PASSED = {"passed": 21}
NEEDED = {FEED: 7, TRANSFERS: 3, JOBS: 2}
"""How many tests of each file need a real database."""

HEARD = "commit: LISTEN and NOTIFY need commits"
IN_ORDER_OF_ONE = ("-p", "pytest_randomly", "--randomly-seed=1")


@pytest.fixture
def project(request: pytest.FixtureRequest, tmp_path: Path, cache: Path) -> Project:
    """Return a copy of the example, on a server of the plugin's or on a given one."""
    environ = {"ONELOOP_CACHE_DIR": str(cache)}
    if request.param == "given":
        server: ServerAddress = request.getfixturevalue("tcp_server")
        environ["ONELOOP_SERVER"] = database_url(server, "postgresql")
    return shop(tmp_path / "shop", **environ)


def needed(done: Finished) -> dict[str, int]:
    """Return how many tests of each file ran on a real database, as the summary says."""
    assert set(told(done, FEED).values()) == {HEARD}
    return {file: len(told(done, file)) for file in FILES}


@pytest.mark.parametrize(
    ("project", "first", "then"),
    [("embedded", (), IN_ORDER_OF_ONE), ("given", IN_ORDER_OF_ONE, ("-n", "2"))],
    indirect=["project"],
)
def test_they_pass_at_first_and_when_it_is_known_what_they_need(
    project: Project, first: tuple[str, ...], then: tuple[str, ...]
) -> None:
    for options in (first, then):
        done = project.run("-W", "error", *options, *FILES)
        assert done.counts == PASSED, done.output
        assert needed(done) == NEEDED


@pytest.mark.parametrize("project", ["embedded"], indirect=True)
def test_in_the_sandbox_alone_they_fail(project: Project) -> None:
    done = project.run("--oneloop-strategy=rollback", TRANSFERS, JOBS)

    assert done.counts == {"failed": 5, "passed": 9}, done.output
