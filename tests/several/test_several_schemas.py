"""Where the tables of several databases come from: each from its own source, and from no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.errors.addresses import (
    DatabaseEntryError,
    OtherDatabaseError,
    RepeatedDatabaseError,
)
from pytest_oneloop.errors.schema import SchemaTargetError
from tools.two_databases import two_databases

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.server

ONE = """
async def test_one():
    await order("tea")


async def test_another():
    await order("tea")
"""

SOURCES = """
from app import ShopBase, StatsBase, shop, stats


async def with_the_shop_s_engine():
    async with shop.begin() as connection:
        await connection.run_sync(StatsBase.metadata.create_all)


async def with_the_engine_of_stats():
    async with stats.begin() as connection:
        await connection.run_sync(ShopBase.metadata.create_all)


async def with_its_own():
    async with stats.begin() as connection:
        await connection.run_sync(StatsBase.metadata.create_all)
"""


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (
            "stats = app:StatsBase",
            "stats = sources:with_the_shop_s_engine",
            OtherDatabaseError(wanted="stats", other="", address="db.invalid/shop"),
        ),
        (
            "oneloop_schema = app:ShopBase",
            "oneloop_schema = sources:with_the_engine_of_stats",
            OtherDatabaseError(wanted="", other="stats", address="db.invalid/stats"),
        ),
    ],
    ids=["named", "main"],
)
def test_a_source_that_reaches_the_other_database_is_refused(
    tmp_path: Path, cache: Path, old: str, new: str, error: OtherDatabaseError
) -> None:
    project = two_databases(tmp_path, ONE, ONELOOP_CACHE_DIR=str(cache))
    project.write({"sources.py": SOURCES})
    project.change("pytest.ini", old, new)

    project.run().explains(str(error), stops=True)


def test_a_source_that_reaches_its_own_by_its_own_engine_is_fine(
    tmp_path: Path, cache: Path
) -> None:
    project = two_databases(tmp_path, ONE, ONELOOP_CACHE_DIR=str(cache))
    project.write({"sources.py": SOURCES})
    project.change("pytest.ini", "app:StatsBase", "sources:with_its_own")

    done = project.run("-W", "error")

    assert done.counts == {"passed": 2}, done.output


def test_a_source_that_cannot_be_found_is_named(tmp_path: Path, cache: Path) -> None:
    project = two_databases(tmp_path, ONE, ONELOOP_CACHE_DIR=str(cache))
    project.change("pytest.ini", "app:StatsBase", "app:StatBase")

    project.run().explains(
        str(
            SchemaTargetError(
                "app:StatBase",
                source="oneloop_databases in pytest.ini",
                reason="the module has no 'StatBase'",
                near=["StatsBase", "ShopBase"],
            )
        ),
        stops=True,
    )


@pytest.mark.parametrize(
    ("entries", "error"),
    [
        (
            "stats",
            DatabaseEntryError(
                entry="stats",
                source="pytest.ini",
                problem="it has no =, after which the source of its tables comes.",
            ),
        ),
        (
            "stats = none\n    stats = app:StatsBase",
            RepeatedDatabaseError(
                name="stats", source="pytest.ini", schemas=["none", "app:StatsBase"]
            ),
        ),
    ],
    ids=["malformed", "twice"],
)
def test_entries_that_cannot_work_are_told_of_before_anything_runs(
    tmp_path: Path, entries: str, error: DatabaseEntryError | RepeatedDatabaseError
) -> None:
    project = two_databases(tmp_path, ONE)
    project.change("pytest.ini", "stats = app:StatsBase", entries)

    done = project.run()

    assert done.code == 4
    assert done.output.count(str(error)) == 1, done.output
    assert "Traceback" not in done.output


def test_a_database_without_tables_is_empty(tmp_path: Path, cache: Path) -> None:
    tests = """
async def test_empty():
    async with stats.connect() as connection:
        assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == []
    async with shop.connect() as connection:
        assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == ["entry"]
"""
    project = two_databases(tmp_path, tests, ONELOOP_CACHE_DIR=str(cache))
    project.change("pytest.ini", "app:StatsBase", "none")

    done = project.run("-W", "error")

    assert done.counts == {"passed": 1}, done.output
    assert "oneloop: stats on PostgreSQL" in done.output


def test_threads_that_come_first_to_both_build_both(tmp_path: Path) -> None:
    tests = """
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import create_engine
from sources import engines


def columns(engine):
    return [column["name"] for column in inspect(engine).get_columns("entry")]


def test_at_once():
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(columns, engines * 4))
    assert found == [["id", "item"], ["id", "what"]] * 4
"""
    sources = """
from threading import Event

from app import ShopBase, StatsBase
from sqlalchemy import create_engine

engines = [
    create_engine(f"postgresql+psycopg://me:wrong@db.invalid/{name}") for name in ("shop", "stats")
]
begun = [Event(), Event()]


def make(number, base):
    begun[number].set()
    # Were both made at once, each would go on here beside the other.
    begun[1 - number].wait(2)
    with engines[number].begin() as connection:
        base.metadata.create_all(connection)


def make_shop():
    make(0, ShopBase)


def make_stats():
    make(1, StatsBase)
"""
    project = two_databases(tmp_path, tests, ONELOOP_CACHE_DIR=str(tmp_path / "cache"))
    project.write({"sources.py": sources})
    project.change("pytest.ini", "app:ShopBase", "sources:make_shop")
    project.change("pytest.ini", "app:StatsBase", "sources:make_stats")

    # In the sandbox, they would come one after another to their first real connection.
    done = project.run("-W", "error", "--oneloop-strategy", "commit")

    assert done.counts == {"passed": 1}, done.output
