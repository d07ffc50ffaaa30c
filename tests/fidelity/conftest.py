"""What became of each program on a plain database, and in each strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fidelity.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.databases.address import ServerAddress

collect_ignore = ["project"]


@pytest.fixture(scope="session")
def runs(tcp_server: ServerAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """The runs of all programs, which go on in the background."""
    with Runs(tcp_server, tmp_path_factory.mktemp("fidelity")).going_on() as runs:
        yield runs
