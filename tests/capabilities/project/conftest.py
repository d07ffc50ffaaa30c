"""The desks of the probes, and the file of what became of each.

`PROBE_URL` is the database without the plugin; with it, the engine's URL leads nowhere.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, event, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from capabilities.desk import AsyncDesk, SyncDesk
from capabilities.schema import TABLES
from tools.outcomes import Outcomes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from sqlalchemy import Connection, Engine

    from capabilities.probe import Probe

URL = make_url(os.environ["PROBE_URL"])
PLAIN = bool(os.environ.get("PROBE_PLAIN"))


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Outcomes("PROBE_OUTCOMES"))


def prepare(engine: Engine) -> None:
    """Let SQLite do what it can: foreign keys, and transactions as its dialect's page advises."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")


def cleared(connection: Connection) -> None:
    """Have all as it was, where nothing isolates the probes from one another."""
    for table in TABLES:
        connection.exec_driver_sql(f"DELETE FROM {table}")
    connection.exec_driver_sql("INSERT INTO item VALUES (1, 'one'), (2, 'two')")
    connection.exec_driver_sql("DROP TABLE IF EXISTS made")


@pytest.fixture
def conclude(record_property: Callable[[str, object], None]) -> Callable[[Probe, object], None]:
    """Note what a probe has seen, and compare it with the truth, if that is known."""

    def conclude(probe: Probe, seen: object) -> None:
        record_property("seen", seen)
        if not PLAIN:
            truth = json.loads(os.environ["PROBE_TRUTH"])
            assert json.loads(json.dumps(seen)) == truth[probe.name]

    return conclude


@pytest.fixture
async def async_desk() -> AsyncIterator[AsyncDesk]:
    engine = create_async_engine(URL)
    prepare(engine.sync_engine)
    if PLAIN:
        async with engine.begin() as connection:
            await connection.run_sync(cleared)
    yield AsyncDesk(engine)
    await engine.dispose()


@pytest.fixture
def sync_desk() -> Iterator[SyncDesk]:
    engine = create_engine(URL)
    prepare(engine)
    if PLAIN:
        with engine.begin() as connection:
            cleared(connection)
    yield SyncDesk(engine)
    engine.dispose()
