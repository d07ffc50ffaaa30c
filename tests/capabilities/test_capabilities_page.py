"""The page of capabilities is what the probes have found, and still find."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from capabilities.page import PAGE, load, render
from capabilities.probes import PROBES
from capabilities.runs import SAME, Runs
from pytest_oneloop.options import STRATEGIES
from tools.combinations import COMBINATIONS

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_oneloop.databases.address import ServerAddress

ANEW = "write it anew: make capabilities"


def test_the_page_is_what_was_found() -> None:
    assert render(load()) == PAGE.read_text(encoding="utf-8"), ANEW


def test_everything_was_looked_for() -> None:
    found = load()
    assert found.keys() == COMBINATIONS.keys(), ANEW
    promises = {one.name for one in PROBES if one.promise is not None}
    for probes in found.values():
        assert promises <= probes.keys() <= {one.name for one in PROBES}, ANEW
        assert all(set(one) == set(STRATEGIES) for one in probes.values()), ANEW


def test_every_promise_is_kept_where_tests_are_run_as_they_are_by_default() -> None:
    for probes in load().values():
        assert {name for name, one in probes.items() if one["auto"] != SAME} == set()


@pytest.mark.server
@pytest.mark.parametrize("driver", ["asyncpg", "aiosqlite", "aiomysql"])
def test_the_sandbox_is_as_it_was_found(
    driver: str, tcp_server: ServerAddress, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    on_mysql = COMBINATIONS[driver].database == "mysql"
    mysql = request.getfixturevalue("mariadb") if on_mysql else None
    before = {name: {"rollback": one["rollback"]} for name, one in load()[driver].items()}

    now = Runs(tcp_server, mysql, tmp_path).found([driver], ["rollback"])

    assert now == {driver: before}, ANEW
