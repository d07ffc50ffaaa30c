"""Rows that a fixture of the module has committed, for each of its tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from capabilities.desk import finish
from capabilities.probes import shared_rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from capabilities.desk import AsyncDesk, SyncDesk
    from capabilities.probe import Probe

pytestmark = pytest.mark.skipif("PROBE_PLAIN" in os.environ, reason="only the plugin promises it")

URL = make_url(os.environ["PROBE_URL"])
ADD = text("INSERT INTO item (id) VALUES (100)")
TIMES = [pytest.param(shared_rows, id=f"shared_rows-{time}") for time in range(shared_rows.again)]


if os.environ.get("PROBE_ASYNC"):

    @pytest_asyncio.fixture(scope="module", loop_scope="session")
    async def rows() -> AsyncIterator[None]:
        engine = create_async_engine(URL)
        async with engine.begin() as connection:
            await connection.execute(ADD)
        yield
        await engine.dispose()

    @pytest.mark.usefixtures("rows")
    @pytest.mark.parametrize("probe", TIMES)
    async def test_async(
        probe: Probe, async_desk: AsyncDesk, conclude: Callable[[Probe, object], None]
    ) -> None:
        conclude(probe, await probe.look(async_desk))

else:

    @pytest.fixture(scope="module")
    def rows() -> Iterator[None]:
        engine = create_engine(URL)
        with engine.begin() as connection:
            connection.execute(ADD)
        yield
        engine.dispose()

    @pytest.mark.usefixtures("rows")
    @pytest.mark.parametrize("probe", TIMES)
    def test_sync(
        probe: Probe, sync_desk: SyncDesk, conclude: Callable[[Probe, object], None]
    ) -> None:
        conclude(probe, finish(probe.look(sync_desk)))
