"""Which driver the plugin takes, where more than one is installed."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def chosen(imported: str, preferred: str | None) -> str:
    """Ask in a process of its own that has imported one driver, or none."""
    lines = (
        f"import {imported or 'sys'}",
        "from pytest_oneloop.drivers import asynchronous_drivername",
        f"print(asynchronous_drivername({preferred!r}))",
    )
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize("imported", ["asyncpg", "psycopg"])
@pytest.mark.parametrize("preferred", [None, "postgresql+psycopg2"])
def test_the_imported_driver_is_taken_if_none_that_is_asynchronous_is_preferred(
    imported: str, preferred: str | None
) -> None:
    assert chosen(imported, preferred) == f"postgresql+{imported}"


@pytest.mark.parametrize(
    ("imported", "preferred"), [("asyncpg", "psycopg"), ("psycopg", "asyncpg")]
)
def test_the_preferred_driver_is_taken_even_if_another_is_imported(
    imported: str, preferred: str
) -> None:
    assert chosen(imported, f"postgresql+{preferred}") == f"postgresql+{preferred}"


def test_the_driver_of_the_extra_is_taken_if_nothing_tells() -> None:
    assert chosen("", None) == "postgresql+asyncpg"


BROKEN = """
import pathlib, sys
folder = pathlib.Path(sys.argv[1])
for name in ("asyncpg", "psycopg", "psycopg2"):
    (folder / f"{name}.py").write_text("raise OSError('libpq.so.5: wrong ELF class')")
sys.path.insert(0, str(folder))
from pytest_oneloop.drivers import installed_drivername
from pytest_oneloop.errors.connection import MissingDriverError
try:
    installed_drivername()
except MissingDriverError as error:
    print(error)
"""


def test_a_driver_that_is_broken_is_named_as_the_cause(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BROKEN, str(tmp_path)], capture_output=True, text=True, check=True
    )

    said = "OSError: libpq.so.5: wrong ELF class"
    assert done.stdout == (
        f"OL109: No driver for PostgreSQL can be imported (asyncpg: {said}; psycopg: {said}; "
        f"psycopg2: {said}).\n"
        "  Likely cause: asyncpg, psycopg and psycopg2 are installed, and cannot be imported: a "
        "library is missing, or one of another version is there.\n"
        '  What to do: make python -c "import asyncpg" pass in this environment: install what it '
        "names, or reinstall asyncpg.\n"
    )
