"""The set-ups that people write by hand, and the example, which has none of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_oneloop import demo
from tools.command_line import oneloop
from tools.projects import shop

if TYPE_CHECKING:
    from collections.abc import Callable

SETUPS = Path(demo.__file__).parent / "setups"

FOUND = {
    1: [("OL401", "error", "conftest.py", "fixed"), ("OL404", "warning", "conftest.py", "fixed")],
    2: [("OL402", "error", "../app.py", "fixed"), ("OL404", "warning", "conftest.py", "fixed")],
    3: [
        ("OL403", "warning", "conftest.py", "slower"),
        ("OL404", "warning", "conftest.py", "fixed"),
    ],
    4: [("OL404", "warning", "conftest.py", "fixed")],
    5: [("OL405", "warning", "conftest.py", "slower")],
    6: [],
    7: [],
}

Examined = tuple[int, list[dict[str, Any]]]


@pytest.fixture
def examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Examined]:
    """Lay the set-ups out as `oneloop demo --write` does, and ask the doctor about one."""
    monkeypatch.setenv("APP_DATABASE_URL", "postgresql+asyncpg://app@db.invalid/app")

    def examine(number: int) -> Examined:
        shutil.copy(SETUPS / "app.py", tmp_path)
        folder = tmp_path / f"setup_{number}"
        shutil.copytree(SETUPS / folder.name, folder)
        finished = oneloop(folder, "doctor", "--json")
        assert finished.stderr == ""
        return finished.returncode, json.loads(finished.stdout)["findings"]

    return examine


@pytest.mark.parametrize("number", FOUND)
def test_a_set_up(number: int, examined: Callable[[int], Examined]) -> None:
    code, findings = examined(number)

    assert [
        (one["code"], one["severity"], one["path"], one["with_oneloop"]) for one in findings
    ] == FOUND[number]
    assert code == bool(FOUND[number])


def test_the_example_is_clean(tmp_path: Path) -> None:
    project = shop(tmp_path / "shop")

    finished = oneloop(project.folder, "doctor", "--json")

    shown = json.loads(finished.stdout)
    assert shown["findings"] == []
    assert shown["tests"] > 50
    assert (finished.stderr, finished.returncode) == ("", 0)
