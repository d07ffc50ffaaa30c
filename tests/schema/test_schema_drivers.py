"""Which driver is chosen for the plugin's own connections."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_oneloop.drivers import installed_drivername
from pytest_oneloop.errors.connection import MissingDriverError

ALL = ("asyncpg", "psycopg", "psycopg2")


@pytest.mark.parametrize("missing", [(), ALL[:1], ALL[:2]])
def test_the_first_that_is_installed(
    missing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ALL[len(missing) :]:
        __import__(name)
    assert installed_drivername() == f"postgresql+{ALL[len(missing)]}"


def test_one_that_is_imported_already_is_preferred() -> None:
    script = (
        "import psycopg2\n"
        "from pytest_oneloop.drivers import installed_drivername\n"
        "print(installed_drivername())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "postgresql+psycopg2\n"


def test_none_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ALL:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDriverError) as caught:
        installed_drivername()
    assert list(caught.value.tried) == list(ALL)
