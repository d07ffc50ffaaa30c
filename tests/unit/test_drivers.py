"""Which driver the plugin takes, where more than one is installed."""

from __future__ import annotations

import subprocess
import sys

import pytest


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
