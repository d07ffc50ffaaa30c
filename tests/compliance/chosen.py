"""Runs no other tests of the suite than those that a file names; a plugin of pytest.

This file becomes a part of the project that the suite is run in.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

NAMES = "chosen.json"
"""The file: a list of names, as `name_of` has them."""

# The class of a test is named after the database too: `JSONTest_postgresql+psycopg_18_6`.
_OF_DATABASE = re.compile(r"_[a-z]+\+\w+$")


def name_of(cls: str, function: str) -> str:
    """Return the name of a test that is the same on every database."""
    return f"{_OF_DATABASE.sub('', cls)}::{function}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Keep the tests that are chosen, after SQLAlchemy's own plugin has made its own choice."""
    yield
    chosen = set(json.loads(Path(NAMES).read_text()))
    kept = []
    for item in items:
        cls, _, function = item.nodeid.partition("::")[2].partition("::")
        if name_of(cls, function) in chosen:
            kept.append(item)
    items[:] = kept
