"""A pytest process of the demonstration that does not do what it should."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.demo.process import RunFailedError, run_pytest
from tools.processes import MARK, processes_of

if TYPE_CHECKING:
    from pathlib import Path

INI = "[pytest]\n"
PASSES = "def test_it(): pass\n"
HANGS = "import time\ndef test_it(): print('so slow'); time.sleep(100)\n"
FAILS = """
import pytest

@pytest.fixture
def late():
    yield
    raise OSError("in teardown")

def test_late(late): pass
def test_early(): raise OSError("in the test")
def test_it(): pass
"""
ENDS_WHEN_A_TEST_BEGINS = """
import os, threading, pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logstart():
    threading.Timer(0.2, os._exit, [7]).start()
"""


def run(
    folder: Path, files: dict[str, str], *, seconds: float = 60.0, wait: float = 0.0
) -> dict[str, bool]:
    (folder / "pytest.ini").write_text(INI)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    environment = {MARK: folder.name}
    outcome = run_pytest(
        folder,
        plugin=False,
        environment=environment,
        begins=lambda: time.sleep(wait),
        seconds=seconds,
    )
    assert outcome.seconds < seconds
    return {name.partition("::")[2]: passed for name, passed in outcome.tests.items()}


def test_a_test_fails_with_its_teardown(tmp_path: Path) -> None:
    assert run(tmp_path, {"test_it": FAILS}) == {
        "test_late": False,
        "test_early": False,
        "test_it": True,
    }


def test_one_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(RunFailedError) as raised:
        run(tmp_path, {"test_it": HANGS}, seconds=3.0)
    assert raised.value.reason == "it did not end within 3 s"
    assert processes_of(tmp_path.name) == {}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"conftest": "raise OSError('broken')"}, "pytest ended with code 4"),
        ({"test_it": "raise OSError('broken')"}, "pytest ended with code 2"),
        ({"nothing": ""}, "pytest ended with code 5"),
        ({"test_it": "import os\ndef test_it(): os._exit(7)\n"}, "pytest ended with code 7"),
    ],
    ids=["conftest", "module", "no tests", "exit"],
)
def test_one_that_does_not_run_its_tests_is_told(
    tmp_path: Path, files: dict[str, str], reason: str
) -> None:
    with pytest.raises(RunFailedError) as raised:
        run(tmp_path, files)
    assert raised.value.reason == reason
    if "OSError" in str(files):
        assert any("broken" in line for line in raised.value.output)


def test_one_that_ends_before_it_is_answered_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunFailedError) as raised:
        run(tmp_path, {"conftest": ENDS_WHEN_A_TEST_BEGINS, "test_it": PASSES}, wait=1.0)
    assert raised.value.reason == "pytest ended too early"


def test_plugins_of_this_environment_are_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An option that no loaded plugin knows would end the run.
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    assert run(tmp_path, {"test_it": PASSES}) == {"test_it": True}
