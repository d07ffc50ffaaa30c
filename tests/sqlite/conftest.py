"""A file with tables, and the sandbox before it, for both drivers of SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.sqlite_laboratory import SCHEMA, SqliteLaboratory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """A file with empty tables; afterwards nothing may have been left in it."""
    path = tmp_path / "test.db"
    lab = SqliteLaboratory("pysqlite", path, sandboxed=False)
    lab.change(SCHEMA)
    yield path
    for table in ("item", "parent", "child", "counted"):
        assert lab.look(f"SELECT * FROM {table}") == []


@pytest.fixture(params=["aiosqlite", "pysqlite"])
def lab(request: pytest.FixtureRequest, file: Path) -> Iterator[SqliteLaboratory]:
    lab = SqliteLaboratory(request.param, file)
    with lab.open():
        yield lab
